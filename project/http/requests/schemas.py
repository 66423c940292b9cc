"""Base schemas for request bodies and pages."""

from functools import cached_property
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from project.http.fields import QueryInteger
from project.http.responses.serialization import Serializer

_MAX_PAGE_SIZE = 100
_CURSOR = {"maxLength": 200, "pattern": "^[A-Za-z0-9_-]+$"}


class Body(Schema):
    """A JSON object. Unknown members are rejected."""

    class Meta:
        unknown = RAISE

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return the members of `obj`. Same as marshmallow's method, but faster."""
        if many or self.many or self._serializer is None:
            return super().dump(obj, many=many)
        try:
            values = self._serializer.read(obj)
        except (AttributeError, KeyError):  # an absent member, which marshmallow omits
            return super().dump(obj)
        return self._serializer.convert(values, obj)

    @cached_property
    def _serializer(self) -> Serializer | None:
        return Serializer(self) if Serializer.supports(self) else None


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
