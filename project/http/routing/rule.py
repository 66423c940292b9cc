"""The URL rule of a route, with its declarations: who may call it, and from which conventions it is exempt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import request
from werkzeug.routing import Rule

from project.http.routing.access import Access
from project.http.routing.limits import Limit

_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^:<>]+)>")
# The HTTP conventions that a route may be exempt from, and the sentence that each exemption adds to the API document.
EXEMPTIONS = {
    "access": "",
    "idempotency": "Ignores `Idempotency-Key`.",
    "etag": "No `ETag`.",
    "if-match": "Ignores `If-Match`.",
    "removal": "The deleted resource remains readable for some time.",
    "pagination": "Not paginated.",
    "schema": "",
}
CREATES_ANOTHER = "creates-another"


@dataclass(frozen=True)
class Deprecation:
    """When a route was deprecated (`since`), when it will be removed (`sunset`), and a link to its replacement."""

    since: datetime
    sunset: datetime
    link: str


class ContractRule(Rule):
    """A URL rule with the declarations of its route.

    - `access`: who may call it.
    - `json`: whether it returns JSON.
    - `exempt`: maps the conventions it is exempt from (see EXEMPTIONS) to reasons, such as `{"etag": "not versioned"}`.
    - `on_retry`: the result of repeating a POST without an idempotency key: a problem code, CREATES_ANOTHER, or both.
    - `handles_idempotency`: whether the view calls `idempotency.run_once` itself.
    - `takes_query`: whether it accepts query parameters.
    - `any_host`: whether it also serves requests whose `Host` is not trusted.
    - `limits`: rate limits, enforced before the body is read.
    - `deprecation`: when it was deprecated and when it will be removed.

    Raises RuntimeError if a declaration is missing or invalid.
    """

    provide_automatic_options: bool  # set by Flask

    def __init__(
        self,
        string: str,
        *,
        access: Access | None = None,
        json: bool = True,
        exempt: Mapping[str, str] | None = None,
        on_retry: str | tuple[str, ...] = (),
        handles_idempotency: bool = False,
        takes_query: bool = True,
        any_host: bool = False,
        limits: tuple[Limit, ...] = (),
        deprecation: Deprecation | None = None,
        **options: Any,
    ) -> None:
        super().__init__(string, **options)
        if access is None:
            raise RuntimeError(
                f"the route {string} ({options.get('endpoint')}) declares no access=; add one, such as access=user"
            )
        if access.kind == "member" and "organization_id>" not in string:
            raise RuntimeError(f"the route {string} declares access=member(), but its path has no organization_id")
        if unknown := set(exempt or ()) - set(EXEMPTIONS):
            raise RuntimeError(f"the route {string} declares unknown exemptions {unknown}; use {list(EXEMPTIONS)}")
        self.access = access
        self.json = json
        self.exempt = dict(exempt or {})
        self.on_retry = (on_retry,) if isinstance(on_retry, str) else on_retry
        self.handles_idempotency = handles_idempotency
        self.takes_query = takes_query
        self.any_host = any_host
        self.limits = limits
        self.deprecation = deprecation
        if self.on_retry and not self.is_keyed:
            raise RuntimeError(f"the route {string} declares on_retry=, but does not accept an idempotency key")

    @property
    def template(self) -> str:
        """The path in OpenAPI syntax, such as `/files/{file_id}`."""
        return _VARIABLE.sub(r"{\1}", self.rule)

    @property
    def is_keyed(self) -> bool:
        """Whether the route accepts an `Idempotency-Key`: every POST that is not exempt does."""
        return "POST" in (self.methods or ()) and "idempotency" not in self.exempt

    @cached_property
    def created_path(self) -> str | None:
        """The path of the `GET` route that serves the resources that a `POST` to this path creates, or `None`.

        It is `<path>/{…_id}` in the same blueprint. If the path is nested, such as
        `/organizations/{organization_id}/notes`, it may also be that path without the parent: `/notes/{…_id}`.
        """
        without_parent = re.sub(r"/[^/]+/\{\w+\}(?=/[^/{}]+$)", "", self.template)
        blueprint = self.endpoint.partition(".")[0]
        rules = [each for each in self.map.iter_rules() if each.endpoint.partition(".")[0] == blueprint]
        paths = [each.template for each in rules if isinstance(each, ContractRule) and "GET" in (each.methods or ())]
        items = [re.compile(re.escape(path) + r"/\{\w+_id\}") for path in (self.template, without_parent)]
        return next((path for item in items for path in paths if item.fullmatch(path)), None)


def current_rule() -> ContractRule | None:
    """Return the rule of the current request, or `None` if no route matches."""
    rule = request.url_rule
    return rule if isinstance(rule, ContractRule) else None
