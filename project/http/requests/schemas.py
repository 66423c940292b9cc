"""What request and answer bodies have in common."""

from typing import Any

from marshmallow import INCLUDE, RAISE, Schema, fields, validate

from project.http.fields import Choice, JsonInteger, QueryInteger

MAX_ERRORS = 100
_MAX_PAGE_SIZE = 100
_CURSOR = {"maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"}


class Body(Schema):
    """A JSON object; unknown members are refused."""

    class Meta:
        unknown = RAISE


class PageQuery(Body):
    """Which page of a listing."""

    limit = QueryInteger(1, _MAX_PAGE_SIZE, load_default=20, metadata={"description": "How many items at most."})
    cursor = fields.String(
        load_default=None,
        allow_none=False,
        metadata={"description": "`next_cursor` of the page before; the first page without it.", **_CURSOR},
    )


class ProblemError(Schema):
    """One wrong value."""

    pointer = fields.String(
        required=True,
        metadata={
            "description": "JSON Pointer into the body, or `/name` of a parameter.",
            "maxLength": 10_000,
            "example": "/email",
        },
    )
    location = Choice(["body", "query", "path", "header", "form", "files"], required=True)
    detail = fields.String(
        required=True, metadata={"description": "What is wrong with it.", "maxLength": 10_000, "example": "Too long."}
    )


class Problem(Schema):
    """What every error answers with (RFC 9457); some have members of their own beside these."""

    class Meta:
        unknown = INCLUDE

    type = fields.URL(
        required=True,
        metadata={
            "format": "uri",
            "description": "A page that explains it.",
            "example": "https://example.com/problems",
        },
    )
    title = fields.String(required=True, metadata={"description": "The same for the same `code`.", "maxLength": 100})
    status = JsonInteger(400, 599, required=True, metadata={"description": "The HTTP status."})
    detail = fields.String(required=True, metadata={"description": "What is wrong this time.", "maxLength": 10_000})
    instance = fields.String(required=True, metadata={"description": "The path of the request.", "maxLength": 10_000})
    code = fields.String(
        required=True,
        metadata={"description": "What it is, for programs.", "maxLength": 100, "pattern": "^[a-z]+(-[a-z]+)*$"},
    )
    request_id = fields.String(required=True, metadata={"description": "As in `X-Request-ID`.", "maxLength": 128})
    errors = fields.List(
        fields.Nested(ProblemError),
        validate=validate.Length(max=MAX_ERRORS),
        metadata={"description": "Each wrong value, on `validation-failed`."},
    )


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of `item`."""
    name = item.__name__.removesuffix("Response") + "Page"
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True, validate=validate.Length(max=_MAX_PAGE_SIZE)),
        "next_cursor": fields.String(
            required=True, allow_none=True, metadata={"description": "`null` on the last page.", **_CURSOR}
        ),
    }
    return Body.from_dict(members, name=name)
