"""Responses are serialized exactly as marshmallow would serialize them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, json
from marshmallow import Schema, fields, post_dump, pre_dump

from project.http.fields import Flag, Id, JsonInteger, Text, Timestamp
from project.http.requests.schemas import Body, page_of

_TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
_VALUES: dict[type[fields.Field[Any]], list[Any]] = {
    fields.Boolean: [True, None],
    fields.Integer: [48213, 0, None],
    fields.UUID: [UUID(int=1), None],
    fields.DateTime: [_TIME, _TIME + timedelta(microseconds=1), _TIME.astimezone(timezone(timedelta(hours=5))), None],
    fields.String: ["Ada \u2028 <b>é\U0001f600", "", None],
}


class Members(dict[str, Any]):
    """Members that can also be read as a row of the `files` table."""

    thumbnail_sizes = ("small",)


def all_schemas(base: type[Schema] = Body) -> Iterator[type[Schema]]:
    """Return every schema of the application that serializes something."""
    for schema in base.__subclasses__():
        if schema().dump_fields and "test" not in schema.__module__:
            yield schema
        yield from all_schemas(schema)


def sample(schema: Schema, number: int) -> dict[str, Any]:
    """Return members for `schema`. Each `number` takes other values, such as `None`."""
    return Members({field.attribute or name: value(field, number) for name, field in schema.dump_fields.items()})


def row(members: dict[str, Any]) -> SimpleNamespace:
    """Return an object with the members as attributes."""
    return SimpleNamespace(**members, thumbnail_sizes=Members.thumbnail_sizes)


def value(field: Any, number: int) -> Any:
    if isinstance(field, fields.List):
        return [value(field.inner, each) for each in range(3)] if number % 3 else []
    if isinstance(field, fields.Nested):
        return row(sample(field.schema, number))
    if isinstance(field, fields.Dict):
        return {f"key {each}": f"value {each}" for each in range(number % 3)}
    kinds = [kind for kind in _VALUES if isinstance(field, kind)]
    return _VALUES[kinds[0]][number % len(_VALUES[kinds[0]])] if kinds else None


def encoded(app: Flask, schema: Schema, source: Any, dump: Any = Body.dump) -> str:
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Body, "dump", dump)
        return json.dumps(schema.dump(source))


@pytest.mark.parametrize("number", range(12))
def test_every_schema_is_serialized_as_by_marshmallow(shared_app: Flask, number: int) -> None:
    for schema in (each() for each in all_schemas()):
        members = sample(schema, number)
        for source in (members, row(members)):
            assert encoded(shared_app, schema, source) == encoded(shared_app, schema, source, Schema.dump), schema


def test_absent_members_are_omitted_as_by_marshmallow(shared_app: Flask) -> None:
    for schema in (each() for each in all_schemas()):
        for name in schema.dump_fields:
            source = row({key: member for key, member in sample(schema, 1).items() if key != name})
            assert encoded(shared_app, schema, source) == encoded(shared_app, schema, source, Schema.dump), schema


class Item(Body):
    id = Id(data_key="identifier")
    name = Text(10, attribute="title")
    size = JsonInteger(0, 10, dump_default=7)
    is_new = Flag()
    created_at = Timestamp()
    tags = fields.List(fields.String())
    names = fields.Dict(keys=fields.String(), values=fields.String())
    secret = Text(10, load_only=True)


class Hooked(Body):
    name = Text(10)

    @pre_dump
    def _read(self, source: Any, **_context: Any) -> dict[str, Any]:
        return {"name": source["name"].upper()}

    @post_dump
    def _mark(self, members: dict[str, Any], **_context: Any) -> dict[str, Any]:
        return members | {"marked": True}


@pytest.mark.parametrize(
    "source",
    [
        {"id": UUID(int=1), "title": "x", "size": 1, "is_new": True, "created_at": _TIME, "tags": ["a"], "names": {}},
        {"id": "not parsed", "title": 5, "size": "7", "is_new": 1, "created_at": None, "tags": None, "names": None},
        {"id": None, "title": b"bytes", "size": True, "is_new": "yes", "created_at": _TIME, "tags": (1, None)},
        {"title": "without an id"},
        {},
    ],
    ids=repr,
)
def test_unusual_values_are_serialized_as_by_marshmallow(shared_app: Flask, source: dict[str, Any]) -> None:
    for schema, each in ((Item(), source), (page_of(Item)(), {"items": [source, source], "next_cursor": None})):
        assert encoded(shared_app, schema, each) == encoded(shared_app, schema, each, Schema.dump)


class Masked(Body):
    name = Text(10)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return "***"


class Shouted(fields.Integer):
    def serialize(self, attr: str, obj: Any, accessor: Any = None, **kwargs: Any) -> Any:
        return f"{super().serialize(attr, obj, accessor, **kwargs)}!"


class Percent(fields.Integer):
    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return f"{value} %"


class Thousands(fields.Integer):
    def _format_num(self, value: Any) -> int:
        return int(value) // 1000


class Named(fields.Field[Any]):
    def __init__(self) -> None:
        super().__init__(attribute="row")

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return attr


@pytest.mark.parametrize("field", [Shouted, Percent, Thousands, Named, lambda: Text(10, attribute="row.title")])
def test_methods_that_a_field_overrides_are_called(shared_app: Flask, field: Any) -> None:
    schema = type("Overridden", (Body,), {"member": field()})()
    for source in (
        {"member": 4999, "row": {"title": "x"}},
        SimpleNamespace(member=4999, row=SimpleNamespace(title="x")),
    ):
        assert encoded(shared_app, schema, source) == encoded(shared_app, schema, source, Schema.dump)


def test_method_that_a_schema_overrides_is_called() -> None:
    assert Masked().dump({"name": "ada"}) == {"name": "***"}


class Failing(fields.Field[Any]):
    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        value.append(1)
        raise AttributeError("a mistake in a field")


class Broken(Body):
    value = Failing()


def test_field_that_raises_attribute_error_is_not_treated_as_absent() -> None:
    calls: list[int] = []
    with pytest.raises(AttributeError, match="a mistake in a field"):
        Broken().dump({"value": calls})
    assert calls == [1]


def test_hooks_of_a_schema_are_called() -> None:
    assert Hooked().dump({"name": "ada"}) == {"name": "ADA", "marked": True}
