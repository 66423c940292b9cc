"""Where blueprints are registered, and their OpenAPI 3.1 document comes from."""

from copy import deepcopy
from typing import Any

import flask_smorest
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import AnyConverter

from project.config import Settings
from project.http.openapi import document
from project.http.responses import problems
from project.http.responses.problem_schemas import Problem

_INFO = {
    "description": (
        "Accounts, organizations, invitations and files. Every error response is a problem (RFC 9457) with a stable "
        "`code`. Every `POST` that changes something can be retried safely with an `Idempotency-Key`. Listings are "
        "paginated by cursor. Resources are versioned (`ETag`, `If-Match`)."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "The operator of this service"},
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token: a JWT (RFC 9068, RFC8725) that expires after ten minutes.",
}


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest is not typed
    """The document of what is registered, and problems for what flask-smorest and Flask raise."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Any:
        return problems.render_http_exception(error)

    def _register_responses(self) -> None:
        """None that all operations share: each says which problems it answers with."""


def init_app(app: Flask, settings: Settings) -> Api:
    """The API of `app`; its document grows with each blueprint registered on it."""
    app.config.update(API_TITLE="Groundwork", API_VERSION="1.0.0", OPENAPI_VERSION="3.1.0")
    api = Api(app, spec_kwargs={"servers": [{"url": settings.public_url, "x-internal": False}], "info": _INFO})
    api.register_converter(AnyConverter, _one_of)
    api.spec.components.security_scheme("bearer", _BEARER)
    api.spec.components.schema("Problem", schema=Problem)
    app.extensions["openapi"] = api.spec
    return api


def api_document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of `app`, when all its routes are there; made once."""
    if "api_document" not in app.extensions:
        app.extensions["api_document"] = document.complete(deepcopy(app.extensions["openapi"].to_dict()), app)
    made: dict[str, Any] = app.extensions["api_document"]
    return made


def _one_of(converter: AnyConverter) -> dict[str, Any]:
    return {"type": "string", "enum": sorted(converter.items)}
