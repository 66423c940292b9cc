"""What breaks those who read an answer: something is not there, or is not what it was."""

from collections.abc import Iterator

from project.cli.compatibility.schemas import Place, Schema, Side, is_nullable

# What programs read a value by; a limit that has moved stops nobody from reading it.
_READ_BY = ("format", "contentEncoding", "contentMediaType")


def _judge(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    if is_nullable(new) and not is_nullable(old):
        yield f"{place} may be `null` now"
    for keyword in _READ_BY:
        if keyword in old and new.get(keyword) != old[keyword]:
            present = f"the {keyword} `{new[keyword]}`" if keyword in new else f"no {keyword}"
            yield f"{place} has {present}, not `{old[keyword]}`"


def _judge_members(old: Schema, new: Schema, place: Place) -> Iterator[str]:
    for name in old["properties"]:
        if name not in new["properties"]:
            yield f"{place.below(f'.{name}')} is gone"
        elif name in old["required"] and name not in new["required"]:
            yield f"{place.below(f'.{name}')} may be left out now"


ANSWERS = Side(_judge, _judge_members, unseen="writeOnly", gives_old=False)
