"""Finds changes to request schemas that break clients: a value is no longer accepted, or its meaning has changed."""

import json
from collections.abc import Iterator
from typing import Any

from project.cli.compatibility.schemas import Place, Schema, Side, is_nullable

# Sizes have an implicit minimum of 0.
_SIZES = ("minLength", "minItems", "minProperties")
_LOWER = ("minimum", "exclusiveMinimum", *_SIZES)
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
# Keywords that have their own rules, here or in `schemas.py`. Any other keyword that is not an annotation is treated
# as a restriction, even if it is unknown.
_COMPARED_SEPARATELY = {
    "type",
    "enum",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "default",
    *_LOWER,
    *_UPPER,
}
_ANNOTATIONS = {"title", "description", "example", "examples", "deprecated", "readOnly", "writeOnly", "externalDocs"}


def _compare_values(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if is_nullable(old) and not is_nullable(new):
        yield f"{place} may no longer be `null`"
    yield from _compare_enums(old, new, place)
    yield from _compare_limits(old, new, place)
    yield from _compare_other_keywords(old, new, place)
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield f"the default of {place} changed from {_shown(old['default'])} to {_shown(new['default'])}"


def _compare_enums(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"{place} now accepts only {_listed(new['enum'])}"
    elif removed := [value for value in old["enum"] if value not in new["enum"] and value is not None]:
        yield f"{place} no longer accepts {_listed(removed)}"


def _compare_limits(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    # An object with required members has at least that many members.
    if old["required"]:
        old = {"minProperties": len(old["required"]), **old}
    for keyword in (*_LOWER, *_UPPER):
        if keyword in new and _is_tighter(keyword, old.get(keyword), new[keyword]):
            yield _changed(place, keyword, old, new)


def _is_tighter(keyword: str, old: Any, new: Any) -> bool:
    if keyword in _UPPER:
        return old is None or bool(new < old)
    minimum = 0 if old is None and keyword in _SIZES else old
    return minimum is None or bool(new > minimum)


def _compare_other_keywords(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for keyword in sorted(new.keys() - _COMPARED_SEPARATELY - _ANNOTATIONS):
        if new[keyword] != old.get(keyword) and not _is_harmless_width(keyword, old, new):
            yield _changed(place, keyword, old, new)


def _is_harmless_width(keyword: str, old: Schema, new: Schema) -> bool:
    """Return whether `keyword` is an integer `format` that was widened, or that is redundant because of a `maximum`."""
    widened = (old.get("format"), new.get("format")) == ("int32", "int64")
    return keyword == "format" and (widened or (str(new["format"]).startswith("int") and "maximum" in new))


def _changed(place: Place, keyword: str, old: Schema, new: Schema) -> str:
    if isinstance(new[keyword], dict | list):
        return f"the `{keyword}` of {place} changed"
    if keyword not in old:
        return f"{place} now has the {keyword} {_shown(new[keyword])}"
    return f"the {keyword} of {place} changed from {_shown(old[keyword])} to {_shown(new[keyword])}"


def _compare_members(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for name in old["properties"]:
        if name not in new["properties"]:
            yield f"{place.below(f'.{name}')} was removed"
    for name in new["required"]:
        if name not in old["required"]:
            is_new = name not in old["properties"]
            yield f"{place.below(f'.{name}')} {'was added and is required' if is_new else 'is now required'}"
    if new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
        yield f"{place} no longer accepts additional members"


def _shown(value: Any) -> str:
    """Return a value as text: numbers as they are, all other values in backticks."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _listed(values: list[Any]) -> str:
    return ", ".join(_shown(value) for value in values)


REQUESTS = Side(_compare_values, _compare_members, hidden_by="readOnly", old_sends=True)
