"""What request and answer bodies have in common."""

from typing import Any

from marshmallow import RAISE, Schema, fields

from project.http.fields import Count


class Body(Schema):
    """A JSON object; unknown members are refused."""

    class Meta:
        unknown = RAISE


class PageQuery(Body):
    """Which page of a listing."""

    limit = Count(1, 100, load_default=20, metadata={"description": "How many items at most."})
    cursor = fields.String(
        load_default=None, metadata={"description": "`next_cursor` of the page before.", "maxLength": 200}
    )


class ProblemError(Schema):
    """One wrong value."""

    pointer = fields.String(metadata={"description": "JSON Pointer into the body, or `/name` of a parameter."})
    location = fields.String(metadata={"description": "body, query, path, header, form or files."})
    detail = fields.String()


class Problem(Schema):
    """An RFC 9457 problem."""

    type = fields.URL(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemError))


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of `item`."""
    name = item.__name__.removesuffix("Response") + "Page"
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": fields.String(required=True, allow_none=True),
    }
    return Body.from_dict(members, name=name)
