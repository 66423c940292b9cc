"""Health checks, public keys and the API document."""

from typing import Any

from flask import current_app

from project.blueprints.system import service
from project.blueprints.system.schemas import KeySetResponse, LivenessResponse, ReadinessResponse
from project.errors import ServiceUnavailable
from project.http.auth import signing_keys
from project.http.openapi import Blueprint, api_document
from project.http.routing.access import public

blueprint = Blueprint("system", __name__, description="Health, keys and this document")

_RETRY_SECONDS = 5
_NOT_VERSIONED = {"etag": "not versioned"}


@blueprint.get("/health/live", access=public, any_host=True, exempt={"access": "probed by platforms", **_NOT_VERSIONED})
@blueprint.response(200, LivenessResponse)
def check_liveness() -> Any:
    """Check that the process serves requests, without contacting any dependency."""
    return {"status": "ok"}


@blueprint.get(
    "/health/ready", access=public, any_host=True, exempt={"access": "probed by platforms", **_NOT_VERSIONED}
)
@blueprint.response(200, ReadinessResponse)
def check_readiness() -> Any:
    """Check whether requests can be served, and report which dependencies are failing."""
    checks = service.readiness()
    failing = {part for part, state in checks.items() if state != "ok"}
    if failing - {"broker"}:
        raise ServiceUnavailable(f"Failing: {', '.join(sorted(failing))}.", retry_after=_RETRY_SECONDS, checks=checks)
    return {"status": "degraded" if failing else "ok", "checks": checks}


@blueprint.get(
    "/.well-known/jwks.json",
    access=public,
    exempt={"access": "public keys", "pagination": "only a few keys"},
)
@blueprint.response(200, KeySetResponse)
def get_keys() -> Any:
    """List the public keys that verify access tokens (RFC 7517).

    The list may be cached for five minutes.
    """
    # The keys change only with the settings, so their digest in the `ETag` suffices.
    keys = {**signing_keys.current().jwks(), "version": 0}
    return keys, 200, {"Cache-Control": f"public, max-age={signing_keys.JWKS_MAX_AGE_SECONDS}"}


@blueprint.get(
    "/api/v1/openapi.json",
    access=public,
    exempt={"access": "public contract", **_NOT_VERSIONED, "schema": "defined by OpenAPI"},
)
@blueprint.response(200, {"type": "object"})
def get_document() -> Any:
    """Get this document."""
    return current_app.json.response(api_document(current_app))
