"""What a route says of itself beside its path: who may call it, and which part of the contract it is excused from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from werkzeug.routing import Rule

from project.http.middleware.rate_limits import Limit
from project.http.routing.access import Access

_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^:<>]+)>")
EXEMPTIONS = {
    "access": "is open to everyone",
    "idempotency": "takes no `Idempotency-Key`",
    "etag": "sends no `ETag`",
    "conditions": "takes no `If-Match`",
    "gone": "leaves the thing to be read",
    "paging": "answers with a whole list",
    "schema": "answers with JSON of no fixed shape",
}


@dataclass(frozen=True)
class Deprecation:
    """That a route is deprecated `since` a moment and ends at its `sunset`; `link` says what to use instead."""

    since: datetime
    sunset: datetime
    link: str


class ContractRule(Rule):
    """A URL rule that says who may call it (`access`), and whether it answers in `json`.

    `excuses` gives a reason for each part of the contract, by the names in EXCUSES, that the route does
    not keep. A view that `claims_key` calls `idempotency.once` itself.
    `limits` are judged before the body is read; a route for `any_host` answers whatever the request calls this service.
    """

    provide_automatic_options: bool  # set by Flask

    def __init__(
        self,
        string: str,
        *,
        access: Access | None = None,
        json: bool = True,
        exempt: Mapping[str, str] | None = None,
        handles_idempotency: bool = False,
        takes_query: bool = True,
        any_host: bool = False,
        limits: tuple[Limit, ...] = (),
        deprecation: Deprecation | None = None,
        **options: Any,
    ) -> None:
        super().__init__(string, **options)
        if access is None:
            raise RuntimeError(f"the route {string} ({options.get('endpoint')}) declares no access=")
        if access.kind == "member" and "organization_id>" not in string:
            raise RuntimeError(f"the route {string} asks for a member, but its path names no organization_id")
        if unknown := set(exempt or ()) - set(EXEMPTIONS):
            raise RuntimeError(f"the route {string} is excused from {unknown}, which is no part of the contract")
        self.access = access
        self.json = json
        self.exempt = dict(exempt or {})
        self.handles_idempotency = handles_idempotency
        self.takes_query = takes_query
        self.any_host = any_host
        self.limits = limits
        self.deprecation = deprecation

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it: `/files/{file_id}`."""
        return _VARIABLE.sub(r"{\1}", self.rule)

    @property
    def is_keyed(self) -> bool:
        """Whether an `Idempotency-Key` counts here: at every POST that is not excused."""
        return "POST" in (self.methods or ()) and "idempotency" not in self.exempt


def current_rule() -> ContractRule | None:
    """The rule of this request; None where no route matches."""
    rule = request.url_rule
    return rule if isinstance(rule, ContractRule) else None
