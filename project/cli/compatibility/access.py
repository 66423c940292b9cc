"""Whether an operation asks more of its callers than it did."""

from collections.abc import Iterator
from typing import Any

_ROLES = ("member", "admin", "owner")
_SIGNED_IN = {"user", "administrator", *_ROLES}
# Whom each access lets in; one that is not here lets in nobody that another does.
_ADMITS = {
    "public": {"stranger", *_SIGNED_IN},
    "user": _SIGNED_IN,
    "admin": {"administrator"},
    **{f"member({role})": set(_ROLES[rank:]) for rank, role in enumerate(_ROLES)},
}


def stricter(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """That somebody who could call an operation cannot any more; said once, by `x-access` where that says it."""
    before, after = old.get("x-access", "public"), new.get("x-access", "public")
    if before != after and not _ADMITS.get(before, {before}) <= _ADMITS.get(after, set()):
        yield f"the access is `{after}`, not `{before}`"
        return
    ways = _ways(new)
    for way in _ways(old):
        if not any(enough <= way for enough in ways):
            yield f"it asks for {' or '.join(map(_words, ways))}, where {_words(way)} was enough"


def other_schemes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """That credentials of the same name are something else in another document."""
    before, after = (document.get("components", {}).get("securitySchemes", {}) for document in (old, new))
    for name in before.keys() & after.keys():
        for keyword in ("type", "scheme", "in", "name"):
            if before[name].get(keyword) != after[name].get(keyword):
                yield f"every request: the credentials `{name}` have another `{keyword}`"


def _ways(operation: dict[str, Any]) -> list[set[str]]:
    """The sets of credentials each of which is enough."""
    alternatives = operation.get("security") or [{}]
    return [{f"{name} {scope}".strip() for name in way for scope in way[name] or [""]} for way in alternatives]


def _words(way: set[str]) -> str:
    return " and ".join(f"`{name}`" for name in sorted(way)) or "nothing"
