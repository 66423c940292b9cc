"""Compares two schemas recursively. A `Side` defines which changes are incompatible in requests or in responses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """The position of a schema, as named in the reported sentences.

    The top-level schema is named by `whole`, a nested schema by `member`, with `{}` replaced by its path.
    """

    whole: str
    member: str
    path: str = ""

    def __str__(self) -> str:
        return self.member.format(self.path.removeprefix(".")) if self.path else self.whole

    def below(self, step: str) -> "Place":
        """Return the place one level deeper, at `step`."""
        return replace(self, path=self.path + step)


@dataclass(frozen=True)
class Side:
    """The rules for comparing request schemas, or those for comparing response schemas.

    `compare_values` compares the restrictions on a value, and `compare_members` the members of objects. Members with
    the keyword `hidden_by` do not exist on this side.

    The receiver must accept everything that the sender may send. Requests follow the old schema, since they come
    from clients written for the old document. Responses follow the new schema.
    """

    compare_values: Callable[[Schema, Schema, Place], Iterator[str]]
    compare_members: Callable[[Schema, Schema, Place], Iterator[str]]
    hidden_by: str
    old_sends: bool

    def sender_and_receiver(self, old: Any, new: Any) -> tuple[Any, Any]:
        """Map (old, new) to (sender, receiver). The mapping is its own inverse."""
        return (old, new) if self.old_sends else (new, old)


def compare(old: Schema, new: Schema, place: Place, side: Side) -> Iterator[str]:
    """Yield a sentence for each incompatible change to a schema or to the schemas nested in it."""
    olds, news = _alternatives(old), _alternatives(new)
    if len(olds) > 1 or len(news) > 1:
        yield from _compare_alternatives(olds, news, place, side)
        return
    old, new = _visible(olds[0], side), _visible(news[0], side)
    sent, accepted = (_types(schema) for schema in side.sender_and_receiver(old, new))
    if not sent - {"null"} <= accepted:
        yield f"the type of {place} changed from {_type_names(old)} to {_type_names(new)}"
        return
    yield from side.compare_values(old, new, place)
    yield from side.compare_members(old, new, place)
    for step, before, after in _parts(old, new):
        yield from compare(before, after, place.below(step), side)


def is_nullable(schema: Schema) -> bool:
    """Return whether the schema allows null."""
    return "null" in _types(schema) and ("enum" not in schema or "type" in schema or None in schema["enum"])


def _compare_alternatives(olds: list[Schema], news: list[Schema], place: Place, side: Side) -> Iterator[str]:
    senders, receivers = side.sender_and_receiver(olds, news)
    for sender in senders:
        pairs = [side.sender_and_receiver(sender, receiver) for receiver in receivers]
        if not any(not list(compare(*pair, place, side)) for pair in pairs):
            yield f"the alternatives (`anyOf`, `oneOf`) of {place} changed"
            return


def _alternatives(schema: Schema) -> list[Schema]:
    """Return the branches of `anyOf` and `oneOf`, each merged with the rest of `schema`.

    A branch `{"type": "null"}` is not returned. Instead, it makes all other branches nullable.
    """
    flat = _flat(schema)
    branches = [_flat(branch) for branch in flat.pop("anyOf", []) + flat.pop("oneOf", [])]
    real = [branch for branch in branches if branch.get("type") != "null"]
    if len(real) < len(branches):
        real = [{**branch, "type": sorted({*_types(branch), "null"})} for branch in real]
    return [_merged(flat, branch) for branch in real] or [flat]


def _flat(schema: Schema) -> Schema:
    """Return `schema` with the schemas of its `allOf` merged into it."""
    flat = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    for part in schema.get("allOf", ()):
        flat = _merged(flat, _flat(part))
    return flat


def _merged(one: Schema, other: Schema) -> Schema:
    members = dict(one.get("properties", {}))
    for name, schema in other.get("properties", {}).items():
        members[name] = _merged(_flat(members.get(name, {})), _flat(schema))
    required = sorted({*one.get("required", ()), *other.get("required", ())})
    return {**one, **other, "properties": members, "required": required}


def _visible(schema: Schema, side: Side) -> Schema:
    """Return `schema` without the members that are hidden on this side."""
    members = {name: part for name, part in schema.get("properties", {}).items() if not part.get(side.hidden_by)}
    return {
        **schema,
        "properties": members,
        "required": [name for name in schema.get("required", ()) if name in members],
    }


def _types(schema: Schema) -> set[str]:
    named = schema.get("type", ["array", "boolean", "null", "number", "object", "string"])
    types = {named} if isinstance(named, str) else set(named)
    return types | {"integer"} if "number" in types else types


def _type_names(schema: Schema) -> str:
    named = schema.get("type", "any")
    types = [named] if isinstance(named, str) else [name for name in named if name != "null"]
    return " or ".join(f"`{name}`" for name in types)


def _parts(old: Schema, new: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """Yield the step, the old version and the new version of each schema nested directly in both schemas."""
    for name, before in old["properties"].items():
        if name in new["properties"]:
            yield f".{name}", before, new["properties"][name]
    for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield step, before, after
