"""Registers blueprints and generates the OpenAPI 3.1 document."""

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
        "Accounts, organizations, invitations and files. Every error response uses the problem details "
        "format (RFC 9457) and has a stable `code`. Every `POST` that changes something can be retried safely with an "
        "`Idempotency-Key`. Listings are paginated by cursor. Resources are versioned (`ETag`, `If-Match`)."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "The operator of this service"},
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    # Spectral's OWASP rules look for "RFC8725", without a space.
    "description": "An access token: a JWT (RFC 9068, RFC8725) that expires after ten minutes by default.",
}


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask-smorest is untyped
    """Collects the OpenAPI document from all registered blueprints, and renders HTTP exceptions as problem details."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Any:
        return problems.render_http_exception(error)

    def _register_responses(self) -> None:
        """Register no shared error responses: `document.py` adds the problems that each operation may return.

        Overrides an internal method of flask-smorest (0.47.0 in requirements.txt), which would add one response
        component per HTTP status.
        """


def init_app(app: Flask, settings: Settings) -> Api:
    """Return the API of `app`. Blueprints that are registered on it are added to the document."""
    app.config.update(API_TITLE="Groundwork", API_VERSION="1.0.0", OPENAPI_VERSION="3.1.0")
    api = Api(app, spec_kwargs={"servers": [{"url": settings.public_url, "x-internal": False}], "info": _INFO})
    api.register_converter(AnyConverter, _enum_schema)
    api.spec.components.security_scheme("bearer", _BEARER)
    api.spec.components.schema("Problem", schema=Problem)
    app.extensions["openapi"] = api.spec
    return api


def api_document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of `app`. Cached, so call it only after all routes have been registered."""
    if "api_document" not in app.extensions:
        app.extensions["api_document"] = document.complete(deepcopy(app.extensions["openapi"].to_dict()), app)
    completed: dict[str, Any] = app.extensions["api_document"]
    return completed


def _enum_schema(converter: AnyConverter) -> dict[str, Any]:
    return {"type": "string", "enum": sorted(converter.items)}
