"""Completes the OpenAPI document with what the shared HTTP conventions add to each operation.

A route declares only what is specific to it: its arguments, its response and the problems that it raises. Access,
headers, retry behavior and the remaining problems are derived from its rule.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from flask import Flask

from project import errors
from project.http.auth import access_tokens, identity
from project.http.middleware import idempotency
from project.http.openapi import schemas
from project.http.openapi.components import components, ref
from project.http.openapi.operations import Operation, operations
from project.http.requests import pagination
from project.http.responses import problems
from project.http.routing.access import Access, public
from project.http.routing.rule import CREATES_ANOTHER, EXEMPTIONS, ContractRule
from project.infrastructure.idempotency_records import IdempotencyKeyInUse

_ACCESS = {
    "public": "Public.",
    "user": "Requires authentication.",
    "every-user": "Requires authentication. Every user may access all resources.",
    "admin": "Requires the user role `admin`.",
    "development": "Available in development only.",
    "scraper": "Requires the metrics token.",
}
Kinds = list[type[errors.Error]]


def complete(document: dict[str, Any], app: Flask) -> dict[str, Any]:
    """Add the shared parameters, headers, responses and problems of each operation to `document`, and return it."""
    for operation in operations(document, app):
        raised = getattr(app.view_functions[operation.rule.endpoint], "raised_errors", ())
        _describe(operation)
        _add_parameters(operation)
        _add_headers(operation)
        _add_location(operation)
        _add_other_successes(operation)
        _require_a_change(operation, document["components"]["schemas"])
        all_kinds = [*_access_and_request_problems(operation), *_body_and_response_problems(operation), *raised]
        for status, kinds in _by_status(all_kinds):
            operation.described["responses"][str(status)] = _problem_response(status, kinds)
    document["components"].update(components(), responses={})
    schemas.complete_schemas(document)
    _remove_unused(document)
    return document


def _describe(operation: Operation) -> None:
    rule, described = operation.rule, operation.described
    described["security"] = [] if rule.access == public else [{"bearer": []}]
    described["x-access"] = str(rule.access)
    described["operationId"] = rule.endpoint.rpartition(".")[2]
    sentences = [described.get("description"), _access_sentence(rule.access)]
    sentences += [EXEMPTIONS[part] for part in rule.exempt]
    sentences.append(_retry_sentence(rule))
    if rule.deprecation:
        described["deprecated"] = True
        sentences.append(f"Will be removed on {rule.deprecation.sunset.astimezone(UTC):%Y-%m-%d}.")
    described["description"] = " ".join(sentence for sentence in sentences if sentence)


def _access_sentence(access: Access) -> str:
    if access.kind != "member":
        return _ACCESS[access.kind]
    required = "membership" if access.role == "member" else f"the `{access.role}` role"
    return f"Requires {required} in the organization. Non-members receive 404."


def _retry_sentence(rule: ContractRule) -> str:
    if not rule.on_retry:
        return ""
    effects = [
        "creates another resource" if effect == CREATES_ANOTHER else f"is rejected with `{effect}`"
        for effect in rule.on_retry
    ]
    return f"Without an `Idempotency-Key`, a repeated request {' or '.join(effects)}."


def _add_parameters(operation: Operation) -> None:
    names = ["Idempotency-Key"] if operation.is_keyed else []
    names += ["If-Match"] if operation.is_conditional else []
    names += ["If-None-Match"] if operation.is_versioned and operation.method == "GET" else []
    names += ["If-Match", "If-None-Match", "Range", "If-Range"] if operation.serves_content else []
    if names:
        operation.described.setdefault("parameters", []).extend(ref("parameters", name) for name in names)


def _add_headers(operation: Operation) -> None:
    names = ["X-Request-ID"]
    names += ["ETag"] if operation.is_versioned else []
    names += ["ETag", "Accept-Ranges", "Content-Disposition", "Repr-Digest"] if operation.serves_content else []
    names += ["Link"] if operation.is_listing else []
    names += ["Idempotency-Replayed"] if operation.is_keyed else []
    names += ["RateLimit", "RateLimit-Policy"] if operation.rule.limits else []
    names += ["Deprecation", "Sunset"] if operation.rule.deprecation else []
    for response in operation.described["responses"].values():
        if "$ref" not in response:
            response.setdefault("headers", {}).update(_headers(names))


def _add_location(operation: Operation) -> None:
    created = operation.described["responses"].get("201")
    if operation.method == "POST" and created and operation.rule.created_path:
        created["headers"].update(_headers(["Location"]))


def _add_other_successes(operation: Operation) -> None:
    responses = operation.described["responses"]
    if operation.serves_content:
        headers = {**responses["200"]["headers"], **_headers(["Content-Range"])}
        responses["206"] = {**responses["200"], "description": "The requested range.", "headers": headers}
    if operation.method == "GET" and (operation.serves_content or operation.is_versioned):
        description = "Not modified: `If-None-Match` matches the current version."
        responses["304"] = {"description": description, "headers": _headers(["X-Request-ID", "ETag"])}


def _require_a_change(operation: Operation, components: dict[str, Any]) -> None:
    """Document that an update whose members are all optional must contain at least one of them."""
    body = operation.described.get("requestBody", {}).get("content", {}).get("application/json")
    if operation.method == "PATCH" and body is not None:
        schema = components[body["schema"]["$ref"].rpartition("/")[2]]
        if not schema.get("required"):
            schema["minProperties"] = 1


def _access_and_request_problems(operation: Operation) -> Kinds:
    """Return the problems that access checks, request validation and internal failures can cause."""
    kinds: Kinds = [
        problems.MalformedRequest,
        errors.ValidationFailed,
        problems.UriTooLong,
        problems.HeaderTooLarge,
        problems.InternalError,
        errors.ServiceUnavailable,
    ]
    access = operation.rule.access.kind
    if access not in ("public", "development"):
        kinds += [identity.AuthenticationRequired, identity.TokenRevoked]
        kinds += [access_tokens.TokenInvalid, access_tokens.TokenExpired]
    kinds += [errors.PermissionDenied] if access in ("admin", "member") else []
    kinds += [errors.NotFound] if operation.rule.arguments or access == "development" else []
    return kinds


def _body_and_response_problems(operation: Operation) -> Kinds:
    """Return the problems that an operation's body, limits and response can cause."""
    kinds: Kinds = [problems.NotAcceptable] if operation.rule.json else []
    if "requestBody" in operation.described:
        kinds += [problems.PayloadTooLarge, problems.UnsupportedMediaType]
    if operation.is_listing:
        kinds.append(pagination.InvalidCursor)
    if operation.rule.limits:
        kinds.append(errors.RateLimited)
    if operation.is_keyed:
        kinds += [idempotency.IdempotencyKeyInvalid, IdempotencyKeyInUse, idempotency.IdempotencyKeyReused]
        kinds.append(problems.PayloadTooLarge)
    if operation.is_conditional or operation.serves_content:
        kinds.append(errors.PreconditionFailed)
    if operation.serves_content:
        kinds.append(problems.RangeNotSatisfiable)
    return kinds


def _by_status(kinds: Iterable[type[errors.Error]]) -> Iterator[tuple[int, Kinds]]:
    for status in sorted({problems.status_of(kind) for kind in kinds}):
        by_code = {kind.code: kind for kind in kinds if problems.status_of(kind) == status}
        yield status, [by_code[code] for code in sorted(by_code)]


def _problem_response(status: int, kinds: Kinds) -> dict[str, Any]:
    names = ["X-Request-ID"]
    names += ["WWW-Authenticate"] if status == 401 else []
    names += ["Retry-After"] if status in (409, 429, 503) else []
    names += ["RateLimit", "RateLimit-Policy"] if status == 429 else []
    code = {"type": "string", "enum": [kind.code for kind in kinds]}
    content = {
        "schema": {"allOf": [ref("schemas", "Problem"), {"properties": {"code": code}}]},
        "examples": {kind.code: ref("examples", kind.code) for kind in kinds},
    }
    return {
        "description": " ".join(f"`{kind.code}`: {kind.cause()}" for kind in kinds),
        "headers": _headers(names),
        "content": {problems.MIMETYPE: content},
    }


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: ref("headers", name) for name in names}


def _remove_unused(document: dict[str, Any]) -> None:
    """Remove unreferenced components."""
    used = json.dumps(document)
    for kind in ("schemas", "parameters", "headers", "examples", "responses"):
        parts = document["components"][kind]
        for name in [name for name in parts if f'"#/components/{kind}/{name}"' not in used]:
            del parts[name]
