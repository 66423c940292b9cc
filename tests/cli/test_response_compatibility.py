"""Changes to responses: each breaking change is reported in one sentence; all other changes are allowed."""

from typing import Any

import pytest

from project.cli.compatibility import incompatible_changes
from tests.cli.document_changes import GONE, Change, breaking, compatible, member, operation, schema

REGISTER, DELETE = "POST /api/v1/auth/register", "DELETE /api/v1/files/{file_id}"
THUMBNAIL, ORGANIZATIONS = "GET /api/v1/files/{file_id}/thumbnails/{size}", "GET /api/v1/organizations"
OFFER, LOOKUP = "OfferResponse", "POST /api/v1/invitations/lookup"
CREATED = operation(REGISTER, "responses", "201")
CONFLICT = operation(REGISTER, "responses", "409", "content", "application/problem+json")
NAME = member("OfferResponse.organization_name")
EXPIRES = member("OfferResponse.expires_at")


def _without(code: str) -> Any:
    return lambda parts: [parts[0], {"properties": {"code": {"enum": _codes(parts) - {code}}}}]


def _with(code: str) -> Any:
    return lambda parts: [parts[0], {"properties": {"code": {"enum": _codes(parts) | {code}}}}]


def _codes(parts: Any) -> set[str]:
    return set(parts[1]["properties"]["code"]["enum"])


INCOMPATIBLE = [
    breaking("status", f"{DELETE}: the 204 response was removed", operation(DELETE, "responses", "204"), GONE),
    breaking("problem", f"{REGISTER}: the 409 response was removed", operation(REGISTER, "responses", "409"), GONE),
    breaking(
        "code",
        f"{REGISTER}: the 409 response no longer has the problem code `email-taken`",
        (*CONFLICT, "schema", "allOf"),
        _without("email-taken"),
    ),
    breaking(
        "problem-media-type",
        f"{REGISTER}: the 409 response is no longer available as `application/problem+json`",
        CONFLICT,
        GONE,
    ),
    breaking(
        "content-type",
        f"{THUMBNAIL}: the 200 response is no longer available as `image/webp`",
        operation(THUMBNAIL, "responses", "200", "content"),
        {"image/png": {}},
    ),
    breaking(
        "header",
        f"{REGISTER}: the header `X-Request-ID` of the 201 response was removed",
        (*CREATED, "headers", "X-Request-ID"),
        GONE,
    ),
    breaking(
        "header-optional",
        f"{REGISTER}: the header `X-Request-ID` of the 201 response may now be absent",
        (*CREATED, "headers", "X-Request-ID"),
        {},
        {"required": True},
    ),
    breaking(
        "header-type",
        f"{REGISTER}: the type of the header `X-Request-ID` of the 201 response changed from `string` to `integer`",
        (*CREATED, "headers", "X-Request-ID", "schema"),
        {"type": "integer"},
    ),
    breaking("member", f"{LOOKUP}: the member `organization_name` of the 200 response was removed", NAME, GONE),
    breaking(
        "member-write-only",
        f"{LOOKUP}: the member `organization_name` of the 200 response was removed",
        (*NAME, "writeOnly"),
        True,
    ),
    breaking(
        "member-optional",
        f"{LOOKUP}: the member `organization_name` of the 200 response may now be absent",
        schema(OFFER, "required"),
        lambda names: [name for name in names if name != "organization_name"],
    ),
    breaking(
        "member-null",
        f"{LOOKUP}: the member `organization_name` of the 200 response may now be `null`",
        (*NAME, "type"),
        ["string", "null"],
    ),
    breaking(
        "member-null-as-alternative",
        f"{LOOKUP}: the member `organization_name` of the 200 response may now be `null`",
        NAME,
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
    breaking(
        "member-type",
        f"{LOOKUP}: the type of the member `organization_name` of the 200 response changed from `string` to `object`",
        (*NAME, "type"),
        "object",
    ),
    breaking(
        "member-types",
        f"{LOOKUP}: the type of the member `expires_at` of the 200 response changed from `string` to "
        "`string` or `integer`",
        (*EXPIRES, "type"),
        ["string", "integer"],
    ),
    breaking(
        "member-any-type",
        f"{LOOKUP}: the type of the member `organization_name` of the 200 response changed from `string` to `any`",
        (*NAME, "type"),
        GONE,
    ),
    breaking(
        "format",
        f"{LOOKUP}: the format of the member `expires_at` of the 200 response changed from `date-time` to `date`",
        (*EXPIRES, "format"),
        "date",
    ),
    breaking(
        "no-format",
        f"{LOOKUP}: the member `expires_at` of the 200 response no longer has the format `date-time`",
        (*EXPIRES, "format"),
        GONE,
    ),
    breaking(
        "alternatives",
        f"{LOOKUP}: the alternatives (`anyOf`, `oneOf`) of the member `expires_at` of the 200 response changed",
        EXPIRES,
        {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}]},
    ),
    breaking(
        "problem-schema", "every problem: the member `request_id` was removed", member("Problem.request_id"), GONE
    ),
]

COMPATIBLE = [
    compatible("status", operation(DELETE, "responses", "202"), {"description": "Accepted."}),
    compatible("code", (*CONFLICT, "schema", "allOf"), _with("new-code")),
    compatible("content-type", operation(THUMBNAIL, "responses", "200", "content", "image/avif"), {}),
    compatible("header", (*CREATED, "headers", "X-New"), {"schema": {"type": "string"}}),
    compatible("member", member("OfferResponse.color"), {"type": "string"}),
    compatible("required-member", schema(OFFER, "required"), lambda names: names, []),
    compatible("never-null", (*NAME, "type"), "string", ["string", "null"]),
    compatible("fewer-types", (*NAME, "type"), "integer", "number"),
    compatible("fewer-alternatives", NAME, {"type": "string"}, {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
    compatible("more-enum-values", member("OfferResponse.role", "enum"), ["member", "admin", "owner", "guest"]),
    compatible("fewer-enum-values", member("OfferResponse.role", "enum"), ["member"]),
    compatible("larger-max-length", (*NAME, "maxLength"), 1000),
    compatible("description", (*CREATED, "description"), "Other words."),
    compatible("example", (*CREATED, "content", "application/json", "example"), {"id": "other"}),
]


@pytest.mark.parametrize(("change", "sentence"), INCOMPATIBLE)
def test_breaking_response_change_is_reported(change: Change, sentence: str, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.apply(document)) == [sentence]


@pytest.mark.parametrize("change", COMPATIBLE)
def test_compatible_response_change_is_allowed(change: Change, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.apply(document)) == []


def test_removed_member_is_reported_for_each_response_that_contains_it(document: dict[str, Any]) -> None:
    changes = incompatible_changes(*Change(member("OrganizationResponse.slug"), GONE).apply(document))
    assert "POST /api/v1/organizations: the member `slug` of the 201 response was removed" in changes
    assert f"{ORGANIZATIONS}: the member `items[].slug` of the 200 response was removed" in changes


def test_comparison_of_recursive_schemas_terminates(document: dict[str, Any]) -> None:
    tree = {"type": "object", "properties": {"leaf": {"type": "string"}, "tree": {"$ref": "#/components/schemas/Tree"}}}
    pruned = {**tree, "properties": {"tree": tree["properties"]["tree"]}}
    old, new = ({**document, "components": {**document["components"], "schemas": {}}} for _ in range(2))
    for side, form in ((old, tree), (new, pruned)):
        side["components"]["schemas"]["Tree"] = form
        side["paths"] = {"/trees": {"get": {"responses": {"200": {"content": {"application/json": {"schema": form}}}}}}}
    assert incompatible_changes(old, new) == [
        "GET /trees: the member `leaf` of the 200 response was removed",
        "GET /trees: the member `tree.leaf` of the 200 response was removed",
    ]
