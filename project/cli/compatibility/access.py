"""Finds operations that have become accessible to fewer callers."""

from collections.abc import Iterator
from typing import Any

_ROLES = ("member", "admin", "owner")
_AUTHENTICATED = {"user", "administrator", *_ROLES}
# A user who requests a resource of another user.
_OTHER_USER = "other user"
# The callers that each `x-access` value admits. An unlisted value admits only its own kind of caller.
_ADMITS = {
    "public": {"anonymous", *_AUTHENTICATED, _OTHER_USER},
    "user": _AUTHENTICATED,
    "every-user": {*_AUTHENTICATED, _OTHER_USER},
    "admin": {"administrator"},
    **{f"member({role})": set(_ROLES[rank:]) for rank, role in enumerate(_ROLES)},
}


def access_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence if some callers can no longer call the operation.

    If both `x-access` and `security` exclude callers, only the change to `x-access` is reported.
    """
    before, after = old.get("x-access", "public"), new.get("x-access", "public")
    if before != after and not _ADMITS.get(before, {before}) <= _ADMITS.get(after, set()):
        yield f"the required access changed from `{before}` to `{after}`"
        return
    alternatives = _credential_sets(new)
    for accepted in _credential_sets(old):
        if not any(required <= accepted for required in alternatives):
            required_now = " or ".join(map(_words, alternatives))
            yield f"the required credentials changed from {_words(accepted)} to {required_now}"


def security_scheme_changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each change to a security scheme that exists in both documents."""
    before, after = (document.get("components", {}).get("securitySchemes", {}) for document in (old, new))
    for name in before.keys() & after.keys():
        for keyword in ("type", "scheme", "in", "name"):
            if before[name].get(keyword) != after[name].get(keyword):
                yield f"every request: the `{keyword}` of the security scheme `{name}` changed"


def _credential_sets(operation: dict[str, Any]) -> list[set[str]]:
    """Return the alternative sets of credentials for an operation; any one of them is sufficient."""
    alternatives = operation.get("security") or [{}]
    return [
        {f"{name} {scope}".strip() for name in alternative for scope in alternative[name] or [""]}
        for alternative in alternatives
    ]


def _words(credentials: set[str]) -> str:
    return " and ".join(f"`{name}`" for name in sorted(credentials)) or "none"
