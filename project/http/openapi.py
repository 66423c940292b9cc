"""The OpenAPI 3.1 document, generated from the routes: flask-smorest, with our access and problems in it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import flask
import flask_smorest
from flask import Flask
from werkzeug.exceptions import HTTPException

from project.config import Settings
from project.http import problems
from project.http.access import Access, public
from project.http.bodies import StrictParser
from project.http.schemas import Problem

View = TypeVar("View", bound=Callable[..., Any])

if TYPE_CHECKING:

    class _Blueprint(flask.Blueprint):
        """flask-smorest is not typed: these are the parts of its class that are used here."""

        _docs: dict[str, dict[str, Any]]
        _prepare_doc_cbks: list[Callable[..., Any]]

        def __init__(self, *args: Any, description: str, **options: Any) -> None: ...
        def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]: ...
        def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[View], View]: ...
        def alt_response(self, status: int, **options: Any) -> Callable[[View], View]: ...
        def doc(self, **members: Any) -> Callable[[View], View]: ...
        def _store_endpoint_docs(self, endpoint: str, *args: Any, **options: Any) -> None: ...

else:
    _Blueprint = flask_smorest.Blueprint


class Blueprint(_Blueprint):
    """A blueprint whose routes declare `access=`, take strict arguments and say so in the document."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(_document_access)

    def _store_endpoint_docs(self, endpoint: str, obj: Callable[..., Any], *args: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, *args, **options)
        for method, operation in self._docs[endpoint].items():
            if method != "parameters":
                operation["access"] = options.get("access")
                operation["docstring"]["operationId"] = endpoint


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest is not typed
    """The document, and problems for what flask-smorest and Flask raise."""

    ERROR_SCHEMA = Problem

    def handle_http_exception(self, error: HTTPException) -> Any:
        return problems.render_http_exception(error)

    def _register_responses(self) -> None:
        # flask-smorest chooses the type of an error's body only in here.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.MIMETYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def init_app(app: Flask, settings: Settings) -> Api:
    """The API of `app`; its document grows with each blueprint registered on it."""
    app.config.update(API_TITLE="Groundwork", API_VERSION="1.0.0", OPENAPI_VERSION="3.1.0")
    api = Api(app, spec_kwargs={"servers": [{"url": settings.public_url}]})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    app.extensions["api_document"] = api.spec
    return api


def _document_access(operation: dict[str, Any], stored: dict[str, Any], **_context: Any) -> dict[str, Any]:
    access: Access = stored["access"]
    # flask-smorest copies what it stores, so `is` would not hold.
    operation["security"] = [] if access == public else [{"bearer": []}]
    operation["x-access"] = str(access)
    operation.setdefault("responses", {})["default"] = "DEFAULT_ERROR"
    return operation
