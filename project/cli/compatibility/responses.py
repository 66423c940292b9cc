"""Finds changes to response schemas that break clients: a value may be missing, or its format has changed."""

from collections.abc import Iterator

from project.cli.compatibility.schemas import Place, Schema, Side, is_nullable

# These keywords determine how clients parse a value. Limits, such as `maxLength`, do not affect parsing.
_PARSED_BY = ("format", "contentEncoding", "contentMediaType")


def _compare_values(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if is_nullable(new) and not is_nullable(old):
        yield f"{place} may now be `null`"
    for keyword in _PARSED_BY:
        if keyword in old and keyword not in new:
            yield f"{place} no longer has the {keyword} `{old[keyword]}`"
        elif keyword in old and new[keyword] != old[keyword]:
            yield f"the {keyword} of {place} changed from `{old[keyword]}` to `{new[keyword]}`"


def _compare_members(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for name in old["properties"]:
        if name not in new["properties"]:
            yield f"{place.below(f'.{name}')} was removed"
        elif name in old["required"] and name not in new["required"]:
            yield f"{place.below(f'.{name}')} may now be absent"


RESPONSES = Side(_compare_values, _compare_members, hidden_by="writeOnly", old_sends=False)
