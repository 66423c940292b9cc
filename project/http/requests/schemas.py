"""Base schemas for request bodies and pages."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from project.http.fields import QueryInteger

_MAX_PAGE_SIZE = 100
_CURSOR = {"maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"}


class Body(Schema):
    """A JSON object. Unknown members are rejected."""

    class Meta:
        unknown = RAISE


class Update(Body):
    """A partial update: only the members that are sent change. At least one must be sent."""

    @validates_schema
    def _ensure_not_empty(self, changes: dict[str, Any], **_context: Any) -> None:
        if not changes:
            raise ValidationError("Must contain at least one member.")


class PageQuery(Body):
    """Query parameters that select a page of a listing."""

    limit = QueryInteger(1, _MAX_PAGE_SIZE, load_default=20, metadata={"description": "Maximum number of items."})
    cursor = fields.String(
        load_default=None,
        allow_none=False,
        metadata={"description": "`next_cursor` of the previous page. Omit it for the first page.", **_CURSOR},
    )


def page_of(item: type[Schema]) -> type[Schema]:
    """Return the schema for a page of `item` objects."""
    name = item.__name__.removesuffix("Response") + "Page"
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True, validate=validate.Length(max=_MAX_PAGE_SIZE)),
        "next_cursor": fields.String(
            required=True, allow_none=True, metadata={"description": "`null` on the last page.", **_CURSOR}
        ),
    }
    return Body.from_dict(members, name=name)
