"""Each way in which a document may ask more of clients than the one before, planted and told."""

from typing import Any

import pytest

from project.cli.compatibility import incompatible_changes
from tests.cli.document_changes import GONE, Change, case, harmless, member, operation, schema

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
    case("operation", f"{RENAME}: the operation is gone", operation(RENAME), GONE),
    case("path", f"{LOGIN}: the operation is gone", operation(LOGIN)[:2], GONE),
    case("name", f"{LIST}: the operationId is `files`, not `list_files`", operation(LIST, "operationId"), "files"),
    case("access", f"{LOGIN}: the access is `user`, not `public`", operation(LOGIN, "x-access"), "user"),
    case(
        "role",
        f"{ORGANIZATION}: the access is `member(admin)`, not `member(member)`",
        operation(ORGANIZATION, "x-access"),
        "member(admin)",
    ),
    case("unknown-access", f"{LIST}: the access is `vip`, not `user`", operation(LIST, "x-access"), "vip"),
    case(
        "security",
        f"{LOGIN}: it asks for `bearer`, where nothing was enough",
        operation(LOGIN, "security"),
        [{"bearer": []}],
    ),
    case(
        "scheme",
        "every request: the credentials `bearer` have another `scheme`",
        ("components", "securitySchemes", "bearer", "scheme"),
        "digest",
    ),
    case("parameter", f"{LIST}: the parameter `limit` is gone", LIMIT, GONE),
    case("parameter-place", f"{LIST}: the parameter `limit` is gone", (*LIMIT, "in"), "header"),
    case("parameter-required", f"{LIST}: the parameter `limit` is required now", (*LIMIT, "required"), True),
    case(
        "parameter-new",
        f"{LIST}: the parameter `since` is required now and was not known",
        operation(LIST, "parameters", "since"),
        {"in": "query", "name": "since", "required": True, "schema": {"type": "string"}},
    ),
    case(
        "parameter-style",
        f"{LIST}: the parameter `limit` is written in another style",
        (*LIMIT, "style"),
        "spaceDelimited",
    ),
    case("maximum", f"{LIST}: the parameter `limit` has the maximum 50, not 100", (*LIMIT, "schema", "maximum"), 50),
    case("minimum", f"{LIST}: the parameter `limit` has the minimum 2, not 1", (*LIMIT, "schema", "minimum"), 2),
    case(
        "default", f"{LIST}: the parameter `limit` is 10 when it is left out, not 20", (*LIMIT, "schema", "default"), 10
    ),
    case("path-enum", f"{THUMBNAIL}: the parameter `size` no longer takes `large`", SIZE, ["small"]),
    case(
        "pattern",
        f"{LIST}: the parameter `cursor` has the pattern `^x$`, not `^y$`",
        (*CURSOR, "pattern"),
        "^x$",
        "^y$",
    ),
    case("format", f"{LIST}: the parameter `cursor` has the format `uuid` now", (*CURSOR, "format"), "uuid"),
    case("body", f"{CREATE}: the request body is gone", BODY, GONE),
    case("body-required", f"{CREATE}: the request body is required now", (*BODY, "required"), True, False),
    case(
        "body-new",
        f"{LIST}: the request body is required now and was not known",
        operation(LIST, "requestBody"),
        {"required": True, "content": {}},
    ),
    case(
        "content-type",
        f"{UPLOAD}: the request body is no longer taken as `multipart/form-data`",
        operation(UPLOAD, "requestBody", "content"),
        {},
    ),
    case("member", f"{CREATE}: the request member `slug` is gone", SLUG, GONE),
    case("member-read-only", f"{CREATE}: the request member `slug` is gone", (*SLUG, "readOnly"), True),
    case(
        "member-required",
        f"{CREATE}: the request member `slug` is required now",
        schema("OrganizationRequest", "required"),
        ["name", "slug"],
    ),
    case(
        "member-type",
        f"{CREATE}: the request member `slug` is of the type `integer`, not `string`",
        (*SLUG, "type"),
        "integer",
    ),
    case("member-null", f"{CREATE}: the request member `slug` may no longer be `null`", (*SLUG, "type"), "string"),
    case("member-longer", f"{CREATE}: the request member `slug` has the minLength 3, not 2", (*SLUG, "minLength"), 3),
    case(
        "member-shorter", f"{CREATE}: the request member `slug` has the maxLength 62, not 63", (*SLUG, "maxLength"), 62
    ),
    case(
        "member-limit", f"{CREATE}: the request member `slug` has the maxLength 63 now", (*SLUG, "maxLength"), 63, GONE
    ),
    case("member-keyword", f"{CREATE}: the request member `slug` has another `not`", (*SLUG, "not"), {"const": "new"}),
    case("member-enum", f"{CREATE}: the request member `slug` takes only `a`, `b` now", (*SLUG, "enum"), ["a", "b"]),
    case(
        "closed",
        f"{CREATE}: the request body takes no other members now",
        schema("OrganizationRequest", "additionalProperties"),
        False,
        True,
    ),
    case(
        "alternatives",
        f"{CREATE}: the request member `slug` has other alternatives",
        SLUG,
        {"oneOf": [{"type": "string", "maxLength": 5}, {"type": "integer"}]},
        {"oneOf": [{"type": "string", "maxLength": 9}, {"type": "integer"}]},
    ),
    case(
        "items",
        f"{CREATE}: the request member `slug[].x` is gone",
        SLUG,
        {"type": "array", "items": {"type": "object"}},
        {"type": "array", "items": {"type": "object", "properties": {"x": {}}}},
    ),
]

COMPATIBLE = [
    harmless("path", ("paths", "/api/v1/new"), {"get": {"operationId": "new", "responses": {}}}),
    harmless("operation", operation("DELETE /api/v1/auth/login"), {"operationId": "new", "responses": {}}),
    harmless("parameter", operation(LIST, "parameters", "since"), {"in": "query", "name": "since", "required": False}),
    harmless("member", member("OrganizationRequest.colour"), {"type": "string", "maxLength": 9}),
    harmless("wider-maximum", (*LIMIT, "schema", "maximum"), 200),
    harmless("wider-length", (*SLUG, "maxLength"), 64),
    harmless("no-pattern", (*SLUG, "pattern"), GONE),
    harmless("no-limit", (*SLUG, "maxLength"), GONE),
    harmless("no-least-length", (*SLUG, "minLength"), 0, GONE),
    harmless("more-types", (*SLUG, "type"), ["string", "null", "integer"]),
    harmless("any-type", (*SLUG, "type"), GONE),
    harmless("more-values", SIZE, ["small", "large", "huge"]),
    harmless("any-value", member("InvitationRequest.role", "enum"), GONE),
    harmless("wider-number", SLUG, {"type": "integer", "format": "int64"}, {"type": "integer", "format": "int32"}),
    harmless("any-number", SLUG, {"type": "number"}, {"type": "integer"}),
    harmless("alternative", SLUG, {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}),
    harmless("one-alternative", SLUG, {"type": "string"}, {"anyOf": [{"type": "string"}]}),
    harmless("optional-member", schema("OrganizationRequest", "required"), []),
    harmless("optional-body", (*BODY, "required"), False),
    harmless("open", schema("OrganizationRequest", "additionalProperties"), True),
    harmless("access", operation(LIST, "x-access"), "public"),
    harmless("lower-role", operation(ORGANIZATION, "x-access"), "user"),
    harmless("security", operation(LIST, "security"), []),
    harmless("words", operation(LIST, "description"), "Other words."),
    harmless("deprecated", operation(LIST, "deprecated"), True),
    harmless("words-of-member", (*SLUG, "description"), "Other words."),
    harmless("examples", (*SLUG, "examples"), ["other"]),
]


@pytest.mark.parametrize(("change", "sentence"), INCOMPATIBLE)
def test_more_asked_of_clients_is_said(change: Change, sentence: str, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.plant(document)) == [sentence]


@pytest.mark.parametrize("change", COMPATIBLE)
def test_no_more_asked_of_clients_is_no_matter(change: Change, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.plant(document)) == []


def test_shared_parameter_is_judged_at_each_operation_that_takes_it(document: dict[str, Any]) -> None:
    key = ("components", "parameters", "Idempotency-Key", "schema", "maxLength")
    changes = incompatible_changes(*Change(key, new=255, old=512).plant(document))
    assert f"{CREATE}: the parameter `Idempotency-Key` has the maxLength 255, not 512" in changes
    assert not any(change.startswith("GET") for change in changes)
