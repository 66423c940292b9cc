"""Health, public keys and the API document."""

from typing import Any

from flask import current_app
from marshmallow import fields

from project.blueprints.system import service
from project.errors import ServiceUnavailable
from project.http import keys
from project.http.access import public
from project.http.openapi import Blueprint
from project.http.schemas import Body

blueprint = Blueprint("system", __name__, description="Health, keys and this document")

_KEY_CACHE = "public, max-age=300"
_RETRY_SECONDS = 5


class LivenessResponse(Body):
    status = fields.String(required=True)


class ReadinessResponse(Body):
    status = fields.String(required=True, metadata={"description": "ok, or degraded."})
    checks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.get("/health/live", access=public)
@blueprint.response(200, LivenessResponse)
def check_liveness() -> Any:
    """Say that the process serves; touches nothing else."""
    return {"status": "ok"}


@blueprint.get("/health/ready", access=public)
@blueprint.response(200, ReadinessResponse)
def check_readiness() -> Any:
    """Say whether requests can be served, and which part fails."""
    checks = service.readiness()
    failing = {part for part, state in checks.items() if state != "ok"}
    if failing - {"broker"}:
        raise ServiceUnavailable(f"Failing: {', '.join(sorted(failing))}.", retry_after=_RETRY_SECONDS, checks=checks)
    return {"status": "degraded" if failing else "ok", "checks": checks}


@blueprint.get("/.well-known/jwks.json", access=public)
@blueprint.response(200, {"type": "object"})
def get_keys() -> Any:
    """The public keys that access tokens are verified with (RFC 7517)."""
    response = current_app.json.response(keys.current().jwks())
    response.headers["Cache-Control"] = _KEY_CACHE
    return response


@blueprint.get("/api/v1/openapi.json", access=public)
@blueprint.response(200, {"type": "object"})
def get_document() -> Any:
    """This document."""
    return current_app.json.response(current_app.extensions["api_document"].to_dict())
