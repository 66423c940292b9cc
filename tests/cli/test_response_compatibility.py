"""Each way in which a document may promise clients less than the one before, planted and told."""

from typing import Any

import pytest

from project.cli.compatibility import incompatible_changes
from tests.cli.document_changes import GONE, Change, case, harmless, member, operation, schema

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
    case("status", f"{DELETE}: the answer 204 is gone", operation(DELETE, "responses", "204"), GONE),
    case("problem", f"{REGISTER}: the answer 409 is gone", operation(REGISTER, "responses", "409"), GONE),
    case(
        "code", f"{REGISTER}: 409 no longer says `email-taken`", (*CONFLICT, "schema", "allOf"), _without("email-taken")
    ),
    case(
        "no-problem",
        f"{REGISTER}: the answer 409 is never `application/problem+json` now",
        CONFLICT,
        GONE,
    ),
    case(
        "content-type",
        f"{THUMBNAIL}: the answer 200 is never `image/webp` now",
        operation(THUMBNAIL, "responses", "200", "content"),
        {"image/png": {}},
    ),
    case(
        "header",
        f"{REGISTER}: the header `X-Request-ID` of the answer 201 is gone",
        (*CREATED, "headers", "X-Request-ID"),
        GONE,
    ),
    case(
        "header-optional",
        f"{REGISTER}: the header `X-Request-ID` of the answer 201 may be left out now",
        (*CREATED, "headers", "X-Request-ID"),
        {},
        {"required": True},
    ),
    case(
        "header-type",
        f"{REGISTER}: the header `X-Request-ID` of the answer 201 is of the type `integer`, not `string`",
        (*CREATED, "headers", "X-Request-ID", "schema"),
        {"type": "integer"},
    ),
    case("member", f"{LOOKUP}: the member `organization_name` of the answer 200 is gone", NAME, GONE),
    case(
        "member-hidden",
        f"{LOOKUP}: the member `organization_name` of the answer 200 is gone",
        (*NAME, "writeOnly"),
        True,
    ),
    case(
        "member-optional",
        f"{LOOKUP}: the member `organization_name` of the answer 200 may be left out now",
        schema(OFFER, "required"),
        lambda names: [name for name in names if name != "organization_name"],
    ),
    case(
        "member-null",
        f"{LOOKUP}: the member `organization_name` of the answer 200 may be `null` now",
        (*NAME, "type"),
        ["string", "null"],
    ),
    case(
        "member-null-beside",
        f"{LOOKUP}: the member `organization_name` of the answer 200 may be `null` now",
        NAME,
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
    case(
        "member-type",
        f"{LOOKUP}: the member `organization_name` of the answer 200 is of the type `object`, not `string`",
        (*NAME, "type"),
        "object",
    ),
    case(
        "member-types",
        f"{LOOKUP}: the member `expires_at` of the answer 200 is of the type `string` or `integer`, not `string`",
        (*EXPIRES, "type"),
        ["string", "integer"],
    ),
    case(
        "member-any-type",
        f"{LOOKUP}: the member `organization_name` of the answer 200 is of the type `any`, not `string`",
        (*NAME, "type"),
        GONE,
    ),
    case(
        "format",
        f"{LOOKUP}: the member `expires_at` of the answer 200 has the format `date`, not `date-time`",
        (*EXPIRES, "format"),
        "date",
    ),
    case(
        "no-format",
        f"{LOOKUP}: the member `expires_at` of the answer 200 has no format, not `date-time`",
        (*EXPIRES, "format"),
        GONE,
    ),
    case(
        "alternatives",
        f"{LOOKUP}: the member `expires_at` of the answer 200 has other alternatives",
        EXPIRES,
        {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}]},
    ),
    case("every-problem", "every problem: the member `request_id` is gone", member("Problem.request_id"), GONE),
]

COMPATIBLE = [
    harmless("status", operation(DELETE, "responses", "202"), {"description": "Later."}),
    harmless("code", (*CONFLICT, "schema", "allOf"), _with("new-code")),
    harmless("content-type", operation(THUMBNAIL, "responses", "200", "content", "image/avif"), {}),
    harmless("header", (*CREATED, "headers", "X-New"), {"schema": {"type": "string"}}),
    harmless("member", member("OfferResponse.colour"), {"type": "string"}),
    harmless("required-member", schema(OFFER, "required"), lambda names: names, []),
    harmless("never-null", (*NAME, "type"), "string", ["string", "null"]),
    harmless("fewer-types", (*NAME, "type"), "integer", "number"),
    harmless("fewer-alternatives", NAME, {"type": "string"}, {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
    harmless("more-values", member("OfferResponse.role", "enum"), ["member", "admin", "owner", "guest"]),
    harmless("fewer-values", member("OfferResponse.role", "enum"), ["member"]),
    harmless("longer", (*NAME, "maxLength"), 1000),
    harmless("words", (*CREATED, "description"), "Other words."),
    harmless("example", (*CREATED, "content", "application/json", "example"), {"id": "other"}),
]


@pytest.mark.parametrize(("change", "sentence"), INCOMPATIBLE)
def test_less_promised_to_clients_is_said(change: Change, sentence: str, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.plant(document)) == [sentence]


@pytest.mark.parametrize("change", COMPATIBLE)
def test_no_less_promised_to_clients_is_no_matter(change: Change, document: dict[str, Any]) -> None:
    assert incompatible_changes(*change.plant(document)) == []


def test_member_of_a_thing_is_missed_wherever_the_thing_is_answered(document: dict[str, Any]) -> None:
    changes = incompatible_changes(*Change(member("OrganizationResponse.slug"), GONE).plant(document))
    assert "POST /api/v1/organizations: the member `slug` of the answer 201 is gone" in changes
    assert f"{ORGANIZATIONS}: the member `items[].slug` of the answer 200 is gone" in changes


def test_schema_that_holds_itself_is_compared_once(document: dict[str, Any]) -> None:
    tree = {"type": "object", "properties": {"leaf": {"type": "string"}, "tree": {"$ref": "#/components/schemas/Tree"}}}
    pruned = {**tree, "properties": {"tree": tree["properties"]["tree"]}}
    old, new = ({**document, "components": {**document["components"], "schemas": {}}} for _ in range(2))
    for side, form in ((old, tree), (new, pruned)):
        side["components"]["schemas"]["Tree"] = form
        side["paths"] = {"/trees": {"get": {"responses": {"200": {"content": {"application/json": {"schema": form}}}}}}}
    assert incompatible_changes(old, new) == [
        "GET /trees: the member `leaf` of the answer 200 is gone",
        "GET /trees: the member `tree.leaf` of the answer 200 is gone",
    ]
