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
_INTEGER_METHODS = (fields.Integer._serialize, fields.Integer._format_num)


class _Member(NamedTuple):
    """A member of the output. Values of the types in `unchanged` are sent as they are."""

    key: str
    name: str
    unchanged: frozenset[type]
    convert: _Convert


class Serializer:
    """Serializes objects whose attributes, or mappings whose keys, are the fields of `schema`."""

    def __init__(self, schema: Schema) -> None:
        self._members = [_member(name, field) for name, field in schema.dump_fields.items()]
        names = [field.attribute or name for name, field in schema.dump_fields.items()]
        # With a single name, the getters would return a value instead of a tuple.
        self._from_object = attrgetter(*names, names[0])
        self._from_mapping = itemgetter(*names, names[0])

    @staticmethod
    def supports(schema: Schema) -> bool:
        """Return whether this class can replace `schema.dump`: no hook or method changes what is serialized."""
        hooks = type(schema).resolve_hooks()
        has_hooks = bool(hooks[PRE_DUMP] or hooks[POST_DUMP])
        reads_attributes = type(schema).get_attribute is Schema.get_attribute
        return reads_attributes and not has_hooks and all(map(_is_read_plainly, schema.dump_fields.values()))

    def read(self, source: Any) -> tuple[Any, ...]:
        """Return the values of the members of `source`. Raises AttributeError or KeyError if one is absent."""
        return self._from_mapping(source) if isinstance(source, Mapping) else self._from_object(source)

    def convert(self, values: tuple[Any, ...], source: Any) -> dict[str, Any]:
        """Return the members of `source` for the values that `read` returned."""
        return {
            key: value if type(value) in unchanged else convert(value, name, source)
            for (key, name, unchanged, convert), value in zip(self._members, values, strict=False)
        }


def _is_read_plainly(field: fields.Field[Any]) -> bool:
    methods = (type(field).get_value, type(field).serialize)
    return methods == (fields.Field.get_value, fields.Field.serialize) and "." not in (field.attribute or "")


def _member(name: str, field: fields.Field[Any]) -> _Member:
    key = name if field.data_key is None else field.data_key
    return _Member(key, name, _unchanged_types(field), _converter(field))


def _unchanged_types(field: fields.Field[Any]) -> frozenset[type]:
    method = type(field)._serialize
    if method is fields.String._serialize:
        return frozenset({str, NoneType})
    if method is fields.UUID._serialize:
        return frozenset({UUID, NoneType})
    if method is fields.Field._serialize:
        return frozenset({bool, NoneType})
    if isinstance(field, fields.Integer) and not field.as_string:
        methods = (method, type(field)._format_num)
        return frozenset({int, NoneType}) if methods == _INTEGER_METHODS else frozenset()
    return frozenset()


def _converter(field: fields.Field[Any]) -> _Convert:
    if type(field) is fields.List:
        convert = _converter(field.inner)
        return lambda value, name, source: value if value is None else [convert(each, name, source) for each in value]
    if type(field) is fields.Nested and not field.many:
        schema = field.schema
        return lambda value, _name, _source: value if value is None else schema.dump(value)
    return field._serialize
