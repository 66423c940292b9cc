"""Changes to requests: each breaking change is reported in one sentence; all other changes are allowed."""

from typing import Any

import pytest

from project.cli.compatibility import incompatible_changes
from tests.cli.document_changes import GONE, Change, breaking, compatible, member, operation, schema

UPLOAD, LIST, LOGIN = "POST /api/v1/files", "GET /api/v1/files", "POST /api/v1/auth/login"
CREATE, RENAME = "POST /api/v1/organizations", "PATCH /api/v1/files/{file_id}"
ORGANIZATION = "GET /api/v1/organizations/{organization_id}"
THUMBNAIL = "GET /api/v1/files/{file_id}/thumbnails/{size}"
LIMIT = operation(LIST, "parameters", "limit")
CURSOR = operation(LIST, "parameters", "cursor", "schema")
SLUG = member("OrganizationRequest.slug")
SIZE = ("paths", THUMBNAIL.split()[1], "parameters", "size", "schema", "enum")
BODY = operation(CREATE, "requestBody")

INCOMPATIBLE = [
    breaking("operation", f"{RENAME}: the operation was removed", operation(RENAME), GONE),
    breaking("path", f"{LOGIN}: the operation was removed", operation(LOGIN)[:2], GONE),
    breaking(
        "operation-id",
        f"{LIST}: the operationId changed from `list_files` to `files`",
        operation(LIST, "operationId"),
        "files",
    ),
    breaking(
        "access", f"{LOGIN}: the required access changed from `public` to `user`", operation(LOGIN, "x-access"), "user"
    ),
    breaking(
        "higher-role",
        f"{ORGANIZATION}: the required access changed from `member(member)` to `member(admin)`",
        operation(ORGANIZATION, "x-access"),
        "member(admin)",
    ),
    breaking(
        "unknown-access",
        f"{LIST}: the required access changed from `user` to `vip`",
        operation(LIST, "x-access"),
        "vip",
    ),
    breaking(
        "security",
        f"{LOGIN}: the required credentials changed from none to `bearer`",
        operation(LOGIN, "security"),
        [{"bearer": []}],
    ),
    breaking(
        "security-scheme",
        "every request: the `scheme` of the security scheme `bearer` changed",
        ("components", "securitySchemes", "bearer", "scheme"),
        "digest",
    ),
    breaking("parameter", f"{LIST}: the parameter `limit` was removed", LIMIT, GONE),
    breaking("parameter-location", f"{LIST}: the parameter `limit` was removed", (*LIMIT, "in"), "header"),
    breaking("parameter-required", f"{LIST}: the parameter `limit` is now required", (*LIMIT, "required"), True),
    breaking(
        "new-required-parameter",
        f"{LIST}: the parameter `since` was added and is required",
        operation(LIST, "parameters", "since"),
        {"in": "query", "name": "since", "required": True, "schema": {"type": "string"}},
    ),
    breaking(
        "parameter-style",
        f"{LIST}: the serialization (`style`, `explode`) of the parameter `limit` changed",
        (*LIMIT, "style"),
        "spaceDelimited",
    ),
    breaking(
        "maximum",
        f"{LIST}: the maximum of the parameter `limit` changed from 100 to 50",
        (*LIMIT, "schema", "maximum"),
        50,
    ),
    breaking(
        "minimum", f"{LIST}: the minimum of the parameter `limit` changed from 1 to 2", (*LIMIT, "schema", "minimum"), 2
    ),
    breaking(
        "default",
        f"{LIST}: the default of the parameter `limit` changed from 20 to 10",
        (*LIMIT, "schema", "default"),
        10,
    ),
    breaking("path-enum", f"{THUMBNAIL}: the parameter `size` no longer accepts `large`", SIZE, ["small"]),
    breaking(
        "pattern",
        f"{LIST}: the pattern of the parameter `cursor` changed from `^y$` to `^x$`",
        (*CURSOR, "pattern"),
        "^x$",
        "^y$",
    ),
    breaking("format", f"{LIST}: the parameter `cursor` now has the format `uuid`", (*CURSOR, "format"), "uuid"),
    breaking("body", f"{CREATE}: the request body was removed", BODY, GONE),
    breaking("body-required", f"{CREATE}: the request body is now required", (*BODY, "required"), True, False),
    breaking(
        "new-required-body",
        f"{LIST}: the request body was added and is required",
        operation(LIST, "requestBody"),
        {"required": True, "content": {}},
    ),
    breaking(
        "content-type",
        f"{UPLOAD}: the request body is no longer accepted as `multipart/form-data`",
        operation(UPLOAD, "requestBody", "content"),
        {},
    ),
    breaking("member", f"{CREATE}: the request member `slug` was removed", SLUG, GONE),
    breaking("member-read-only", f"{CREATE}: the request member `slug` was removed", (*SLUG, "readOnly"), True),
    breaking(
        "member-required",
        f"{CREATE}: the request member `slug` is now required",
        schema("OrganizationRequest", "required"),
        ["name", "slug"],
    ),
    breaking(
        "member-type",
        f"{CREATE}: the type of the request member `slug` changed from `string` to `integer`",
        (*SLUG, "type"),
        "integer",
    ),
    breaking("member-null", f"{CREATE}: the request member `slug` may no longer be `null`", (*SLUG, "type"), "string"),
    breaking(
        "larger-min-length",
        f"{CREATE}: the minLength of the request member `slug` changed from 2 to 3",
        (*SLUG, "minLength"),
        3,
    ),
    breaking(
        "smaller-max-length",
        f"{CREATE}: the maxLength of the request member `slug` changed from 63 to 62",
        (*SLUG, "maxLength"),
        62,
    ),
    breaking(
        "new-max-length",
        f"{CREATE}: the request member `slug` now has the maxLength 63",
        (*SLUG, "maxLength"),
        63,
        GONE,
    ),
    breaking(
        "unknown-keyword", f"{CREATE}: the `not` of the request member `slug` changed", (*SLUG, "not"), {"const": "new"}
    ),
    breaking(
        "member-enum", f"{CREATE}: the request member `slug` now accepts only `a`, `b`", (*SLUG, "enum"), ["a", "b"]
    ),
    breaking(
        "no-additional-members",
        f"{CREATE}: the request body no longer accepts additional members",
        schema("OrganizationRequest", "additionalProperties"),
        False,
        True,
    ),
    breaking(
        "alternatives",
        f"{CREATE}: the alternatives (`anyOf`, `oneOf`) of the request member `slug` changed",
        SLUG,
        {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "integer"}]},
        {"oneOf": [{"type": "string", "maxLength": 9}, {"type": "integer"}]},
    ),
    breaking(
        "items",
        f"{CREATE}: the request member `slug[].x` was removed",
        SLUG,
        {"type": "array", "items": {"type": "object"}},
        {"type": "array", "items": {"type": "object", "properties": {"x": {}}}},
    ),
]

COMPATIBLE = [
    compatible("path", ("paths", "/api/v1/new"), {"get": {"operationId": "new", "responses": {}}}),
    compatible("operation", operation("DELETE /api/v1/auth/login"), {"operationId": "new", "responses": {}}),
    compatible(
        "parameter", operation(LIST, "parameters", "since"), {"in": "query", "name": "since", "required": False}
    ),
    compatible("member", member("OrganizationRequest.color"), {"type": "string", "maxLength": 9}),
    compatible("wider-maximum", (*LIMIT, "schema", "maximum"), 200),
    compatible("wider-length", (*SLUG, "maxLength"), 64),
    compatible("no-pattern", (*SLUG, "pattern"), GONE),
    compatible("no-max-length", (*SLUG, "maxLength"), GONE),
    compatible("min-length-of-zero", (*SLUG, "minLength"), 0, GONE),
    compatible("more-types", (*SLUG, "type"), ["string", "null", "integer"]),
    compatible("any-type", (*SLUG, "type"), GONE),
    compatible("more-enum-values", SIZE, ["small", "large", "huge"]),
    compatible("no-enum", member("InvitationRequest.role", "enum"), GONE),
    compatible(
        "wider-integer-format", SLUG, {"type": "integer", "format": "int64"}, {"type": "integer", "format": "int32"}
    ),
    compatible("any-number", SLUG, {"type": "number"}, {"type": "integer"}),
    compatible("additional-alternatives", SLUG, {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}),
    compatible("single-alternative", SLUG, {"type": "string"}, {"anyOf": [{"type": "string"}]}),
    compatible("optional-member", schema("OrganizationRequest", "required"), []),
    compatible("optional-update", schema("FileUpdate"), lambda old: {**old, "required": [], "minProperties": 1}),
    compatible("optional-body", (*BODY, "required"), False),
    compatible("additional-members", schema("OrganizationRequest", "additionalProperties"), True),
    compatible("public-access", operation(LIST, "x-access"), "public"),
    compatible("lower-role", operation(ORGANIZATION, "x-access"), "user"),
    compatible("every-user", operation(LIST, "x-access"), "every-user"),
    compatible("no-security", operation(LIST, "security"), []),
    compatible("description", operation(LIST, "description"), "Other words."),
    compatible("deprecated", operation(LIST, "deprecated"), True),
    compatible("member-description", (*SLUG, "description"), "Other words."),
    compatible("examples", (*SLUG, "examples"), ["other"]),
]


@pytest.mark.parametrize(("change", "sentence"), INCOMPATIBLE)
def test_breaking_request_change_is_reported(change: Change, sentence: str, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.apply(document)) == [sentence]


@pytest.mark.parametrize("change", COMPATIBLE)
def test_compatible_request_change_is_allowed(change: Change, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.apply(document)) == []


def test_change_to_a_shared_parameter_is_reported_for_each_operation_that_uses_it(document: dict[str, Any]) -> None:
    key = ("components", "parameters", "Idempotency-Key", "schema", "maxLength")
    changes = incompatible_changes(*Change(key, new=255, old=512).apply(document))
    assert f"{CREATE}: the maxLength of the parameter `Idempotency-Key` changed from 512 to 255" in changes
    assert not any(change.startswith("GET") for change in changes)
