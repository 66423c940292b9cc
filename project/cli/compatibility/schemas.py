"""Comparing two schemas member by member; what is incompatible in one, its `Side` says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a schema stands, as a sentence calls it: `whole`, or by `member` what stands at a path in it."""

    whole: str
    member: str
    path: str = ""

    def __str__(self) -> str:
        return self.member.format(self.path.removeprefix(".")) if self.path else self.whole

    def below(self, step: str) -> "Place":
        return replace(self, path=self.path + step)


@dataclass(frozen=True)
class Side:
    """What is incompatible in the schemas of requests, or of answers.

    `judge` compares what two schemas say of a value, `judge_members` which members they name. A member with the
    keyword `unseen` is none of this side. What is `given` by one must be taken by the other: by the new schema what
    clients of the old one send, by clients of the old one what is answered by the new.
    """

    judge: Callable[[Schema, Schema, Place], Iterator[str]]
    judge_members: Callable[[Schema, Schema, Place], Iterator[str]]
    unseen: str
    gives_old: bool

    def given(self, old: Any, new: Any) -> tuple[Any, Any]:
        """What is given, and what takes it."""
        return (old, new) if self.gives_old else (new, old)


def compare(old: Schema, new: Schema, place: Place, side: Side) -> Iterator[str]:
    """A sentence for each incompatible change of a schema and of all below it."""
    olds, news = _alternatives(old), _alternatives(new)
    if len(olds) > 1 or len(news) > 1:
        yield from _compare_alternatives(olds, news, place, side)
        return
    old, new = _seen(olds[0], side), _seen(news[0], side)
    given, taken = (_types(schema) for schema in side.given(old, new))
    if not given - {"null"} <= taken:
        yield f"{place} is of the type {_names(new)}, not {_names(old)}"
        return
    yield from side.judge(old, new, place)
    yield from side.judge_members(old, new, place)
    for step, before, after in _parts(old, new):
        yield from compare(before, after, place.below(step), side)


def is_nullable(schema: Schema) -> bool:
    """Whether a value may be null."""
    return "null" in _types(schema) and ("enum" not in schema or "type" in schema or None in schema["enum"])


def _compare_alternatives(olds: list[Schema], news: list[Schema], place: Place, side: Side) -> Iterator[str]:
    givens, takers = side.given(olds, news)
    for given in givens:
        if not any(not list(compare(*side.given(given, taker), place, side)) for taker in takers):
            yield f"{place} has other alternatives"
            return


def _alternatives(schema: Schema) -> list[Schema]:
    """The schemas any of which a value may follow; `null` beside others is no schema, but a type more for each."""
    flat = _flat(schema)
    branches = [_flat(branch) for branch in flat.pop("anyOf", []) + flat.pop("oneOf", [])]
    real = [branch for branch in branches if branch.get("type") != "null"]
    if len(real) < len(branches):
        real = [{**branch, "type": sorted({*_types(branch), "null"})} for branch in real]
    return [_both(flat, branch) for branch in real] or [flat]


def _flat(schema: Schema) -> Schema:
    """`schema`, with what its `allOf` says written into it."""
    flat = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    for part in schema.get("allOf", ()):
        flat = _both(flat, _flat(part))
    return flat


def _both(one: Schema, other: Schema) -> Schema:
    members = dict(one.get("properties", {}))
    for name, schema in other.get("properties", {}).items():
        members[name] = _both(_flat(members.get(name, {})), _flat(schema))
    required = sorted({*one.get("required", ()), *other.get("required", ())})
    return {**one, **other, "properties": members, "required": required}


def _seen(schema: Schema, side: Side) -> Schema:
    """`schema`, its members and which of them are required as this side sees them."""
    members = {name: part for name, part in schema.get("properties", {}).items() if not part.get(side.unseen)}
    return {
        **schema,
        "properties": members,
        "required": [name for name in schema.get("required", ()) if name in members],
    }


def _types(schema: Schema) -> set[str]:
    named = schema.get("type", ["array", "boolean", "null", "number", "object", "string"])
    types = {named} if isinstance(named, str) else set(named)
    return types | {"integer"} if "number" in types else types


def _names(schema: Schema) -> str:
    """The types of a value, in words."""
    named = schema.get("type", "any")
    types = [named] if isinstance(named, str) else [name for name in named if name != "null"]
    return " or ".join(f"`{name}`" for name in types)


def _parts(old: Schema, new: Schema) -> Iterator[tuple[str, Schema, Schema]]:
    """What both schemas have below them, with the step that leads to it."""
    for name, before in old["properties"].items():
        if name in new["properties"]:
            yield f".{name}", before, new["properties"][name]
    for keyword, step in (("items", "[]"), ("additionalProperties", ".*")):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield step, before, after
