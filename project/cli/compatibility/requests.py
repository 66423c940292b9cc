"""What narrows a schema of requests: a value that was taken, and is no longer, or no longer means the same."""

import json
from collections.abc import Iterator
from typing import Any

from project.cli.compatibility.schemas import Place, Schema, Side, is_nullable

# Nothing is smaller than 0.
_SIZES = ("minLength", "minItems", "minProperties")
_LOWER = ("minimum", "exclusiveMinimum", *_SIZES)
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
# Judged by rules of their own, here or beside; every other keyword, known or not, narrows by being there.
_ELSEWHERE = {"type", "enum", "properties", "required", "items", "additionalProperties", "default", *_LOWER, *_UPPER}
_WORDS = {"title", "description", "example", "examples", "deprecated", "readOnly", "writeOnly", "externalDocs"}


def _judge(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if is_nullable(old) and not is_nullable(new):
        yield f"{place} may no longer be `null`"
    yield from _judge_enum(old, new, place)
    yield from _judge_limits(old, new, place)
    yield from _judge_other_keywords(old, new, place)
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield f"{place} is {_shown(new['default'])} when it is left out, not {_shown(old['default'])}"


def _judge_enum(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"{place} takes only {_listed(new['enum'])} now"
    elif gone := [value for value in old["enum"] if value not in new["enum"] and value is not None]:
        yield f"{place} no longer takes {_listed(gone)}"


def _judge_limits(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for keyword in (*_LOWER, *_UPPER):
        if keyword in new and _is_tighter(keyword, old.get(keyword), new[keyword]):
            yield _changed(place, keyword, old, new)


def _is_tighter(keyword: str, old: Any, new: Any) -> bool:
    if keyword in _UPPER:
        return old is None or bool(new < old)
    least = 0 if old is None and keyword in _SIZES else old
    return least is None or bool(new > least)


def _judge_other_keywords(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for keyword in sorted(new.keys() - _ELSEWHERE - _WORDS):
        if new[keyword] != old.get(keyword) and not _is_width(keyword, old, new):
            yield _changed(place, keyword, old, new)


def _is_width(keyword: str, old: Schema, new: Schema) -> bool:
    """Whether this is the width of a whole number, which says nothing beside a maximum, or has become wider."""
    widened = (old.get("format"), new.get("format")) == ("int32", "int64")
    return keyword == "format" and (widened or (str(new["format"]).startswith("int") and "maximum" in new))


def _changed(place: Place, keyword: str, old: Schema, new: Schema) -> str:
    if isinstance(new[keyword], dict | list):
        return f"{place} has another `{keyword}`"
    if keyword not in old:
        return f"{place} has the {keyword} {_shown(new[keyword])} now"
    return f"{place} has the {keyword} {_shown(new[keyword])}, not {_shown(old[keyword])}"


def _judge_members(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for name in old["properties"]:
        if name not in new["properties"]:
            yield f"{place.below(f'.{name}')} is gone"
    for name in new["required"]:
        if name not in old["required"]:
            added = "" if name in old["properties"] else " and was not known"
            yield f"{place.below(f'.{name}')} is required now{added}"
    if new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
        yield f"{place} takes no other members now"


def _shown(value: Any) -> str:
    """Numbers as in a sentence, everything else as in code."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _listed(values: list[Any]) -> str:
    return ", ".join(_shown(value) for value in values)


REQUESTS = Side(_judge, _judge_members, unseen="readOnly", gives_old=True)
