"""The Flask class of this project: every route declares its access, JSON is orjson's."""

from typing import Any

import orjson
from flask import Flask
from flask.json.provider import JSONProvider
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from project.http.middleware import idempotency
from project.http.requests import json_body
from project.http.routing.rule import ContractRule
from project.infrastructure.database import retry_on_conflict


class OrjsonProvider(JSONProvider):
    """JSON by orjson, a listing in a twentieth of the standard library's time; a line each, for people at a shell."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)


class Application(Flask):
    """A Flask application without routes that are open by omission."""

    url_rule_class: type[Rule] = ContractRule
    json_provider_class = OrjsonProvider

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Else `//` in a path is answered with a redirect to whatever host the request names.
        self.url_map.merge_slashes = False

    def dispatch_request(self) -> ResponseReturnValue:
        """What the view answers, once for each idempotency key; repeated as a whole where the database asks for it."""
        view = super().dispatch_request
        return retry_on_conflict(lambda: idempotency.dispatch(view), may_repeat=json_body.can_reread_body)
