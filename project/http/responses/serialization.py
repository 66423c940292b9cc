"""Serializes objects with marshmallow schemas: the same output as `Schema.dump`, at a fraction of the cost.

What marshmallow decides for each value of each object (how to read it, whether it is missing, how to convert it) is
decided here once per schema. UUIDs are left to the JSON encoder.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter, itemgetter
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from marshmallow import Schema, fields
from marshmallow.decorators import POST_DUMP, PRE_DUMP

_Convert = Callable[[Any, str, Any], Any]


class _Member(NamedTuple):
    """A member of the output. Values of the types in `unchanged` are sent as they are."""

    name: str
    attribute: str
    unchanged: frozenset[type]
    convert: _Convert


class Serializer:
    """Serializes objects whose attributes, or mappings whose keys, are the fields of `schema`."""

    def __init__(self, schema: Schema) -> None:
        self._members = [_member(name, field) for name, field in schema.dump_fields.items()]
        names = [member.attribute for member in self._members]
        # With a single name, the getters would return a value instead of a tuple.
        self._from_object = attrgetter(*names, names[0])
        self._from_mapping = itemgetter(*names, names[0])

    @staticmethod
    def supports(schema: Schema) -> bool:
        """Return whether this class can replace `schema.dump`: no hook or method changes what is serialized."""
        hooks = type(schema).resolve_hooks()
        reads = {type(field).get_value for field in schema.dump_fields.values()}
        return not hooks[PRE_DUMP] and not hooks[POST_DUMP] and reads == {fields.Field.get_value}

    def __call__(self, source: Any) -> dict[str, Any]:
        """Return the members of `source`. Raises AttributeError or KeyError if one is missing."""
        values = self._from_mapping(source) if isinstance(source, Mapping) else self._from_object(source)
        return {
            name: value if type(value) in unchanged else convert(value, attribute, source)
            for (name, attribute, unchanged, convert), value in zip(self._members, values, strict=False)
        }


def _member(name: str, field: fields.Field[Any]) -> _Member:
    key = name if field.data_key is None else field.data_key
    return _Member(key, field.attribute or name, _unchanged_types(field), _converter(field))


def _unchanged_types(field: fields.Field[Any]) -> frozenset[type]:
    method = type(field)._serialize
    if method is fields.String._serialize:
        return frozenset({str, NoneType})
    if method is fields.UUID._serialize:
        return frozenset({UUID, NoneType})
    if method is fields.Field._serialize:
        return frozenset({bool, NoneType})
    return frozenset({int, NoneType}) if isinstance(field, fields.Integer) and not field.as_string else frozenset()


def _converter(field: fields.Field[Any]) -> _Convert:
    if type(field) is fields.List:
        convert = _converter(field.inner)
        return lambda value, name, source: value if value is None else [convert(each, name, source) for each in value]
    if type(field) is fields.Nested and not field.many:
        schema = field.schema
        return lambda value, _name, _source: value if value is None else schema.dump(value)
    return field._serialize
