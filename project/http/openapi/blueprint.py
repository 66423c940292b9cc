"""A flask-smorest blueprint with strict argument parsing and fully documented responses."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import flask
import flask_smorest

from project.errors import Error
from project.http.requests.json_body import StrictParser
from project.http.responses import etags
from project.http.routing.rule import Deprecation

View = TypeVar("View", bound=Callable[..., Any])

if TYPE_CHECKING:

    class _Blueprint(flask.Blueprint):
        """Type declarations for the methods that this project uses, because flask-smorest is untyped."""

        def __init__(self, *args: Any, description: str, **options: Any) -> None: ...
        def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]: ...
        def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[View], View]: ...
        def alt_response(self, status: int, **options: Any) -> Callable[[View], View]: ...
        def doc(self, **members: Any) -> Callable[[View], View]: ...

else:
    _Blueprint = flask_smorest.Blueprint


class Blueprint(_Blueprint):
    """A blueprint of the API. Each of its routes must declare `access=`."""

    ARGUMENTS_PARSER = StrictParser()

    def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[View], View]:
        """Serialize the view's result with `schema`. Adds an `ETag` if the result is a versioned resource.

        Without a schema, the body is empty.
        """
        decorate = super().response(status, schema, **options)
        if schema is None:
            return lambda view: _without_body(decorate(view))
        return lambda view: etags.add_etag(decorate(etags.remember_version(view)))

    def raises(self, *kinds: type[Error]) -> Callable[[View], View]:
        """Document the problems that are specific to this route. Problems shared by all routes are added later."""
        return _with_attribute("raised_errors", kinds)

    def deprecated(self, *, since: datetime, sunset: datetime, link: str) -> Callable[[View], View]:
        """Announce that this route will be removed at `sunset`. `link` is the URL of a page about the replacement."""
        return _with_attribute("deprecation", Deprecation(since, sunset, link))

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a route. Query parameters are rejected unless the view declares query arguments."""
        arguments = getattr(view_func, "_apidoc", {}).get("arguments", {}).get("parameters", [])
        options["takes_query"] = any(argument["in"] == "query" for argument in arguments)
        options["deprecation"] = getattr(view_func, "deprecation", None)
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)


def _without_body(view: View) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> flask.Response:
        response: flask.Response = view(*args, **kwargs)
        response.set_data(b"")  # flask-smorest 0.47 serializes None to `null`
        del response.headers["Content-Type"]
        return response

    return wrapper  # type: ignore[return-value]


def _with_attribute(name: str, value: Any) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        setattr(view, name, value)
        return view

    return decorate
