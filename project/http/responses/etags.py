"""Versions of a thing (RFC 9110): `ETag`, `If-None-Match` and `If-Match`.

A tag is `"<version>-<digest>"`. The version counts the changes of the thing, and is what `If-Match` is judged by;
the digest tells representations apart, and proves that the tag was made here, for this path and caller.
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, g, request

from project.infrastructure import signing

View = TypeVar("View", bound=Callable[..., Any])
_PURPOSE = "etag"
_TAG = re.compile(r"([0-9]{1,9})-([0-9a-f]{16})([0-9a-f]{64})")


def remember_version(view: View) -> View:
    """Note the version of what `view` returns, for `tagged`."""

    @wraps(view)
    def noting(*args: Any, **kwargs: Any) -> Any:
        result = view(*args, **kwargs)
        thing = result[0] if isinstance(result, tuple) and len(result) == 3 else result
        g.version = thing.get("version") if isinstance(thing, dict) else getattr(thing, "version", None)
        return result

    return noting  # type: ignore[return-value]


def add_etag(view: View) -> View:
    """Give the answer of `view` its `ETag`, where it is a thing with a version; 304 where the client has it."""

    @wraps(view)
    def answering(*args: Any, **kwargs: Any) -> Any:
        response: Response = view(*args, **kwargs)
        _add_tag(response)
        return response

    return answering  # type: ignore[return-value]


def expected_versions() -> frozenset[int] | None:
    """The versions that `If-Match` allows the thing at this path to have; None when any will do.

    Weak tags, and those that were not made here for it, allow none.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(version for tag in request.if_match.as_set() if (version := _version(tag)) is not None)


def _add_tag(response: Response) -> None:
    version = g.get("version")
    # The path of a POST is that of the collection, not of what it made.
    if version is not None and response.status_code == 200 and request.method != "POST":
        response.set_etag(_tag(version, hashlib.sha256(response.get_data()).hexdigest()[:16]))
        _omit_unchanged_body(response)


def _omit_unchanged_body(response: Response) -> None:
    """Leave out a body that the client has."""
    tag = response.get_etag()[0]
    if request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(tag or ""):
        response.status_code = 304
        response.set_data(b"")


def _version(tag: str | None) -> int | None:
    match = _TAG.fullmatch(tag or "")  # Werkzeug makes None of `""`.
    if match is None or not signing.verify_mac(_PURPOSE, _signed(match[1], match[2]), bytes.fromhex(match[3])):
        return None
    return int(match[1])


def _tag(version: int, digest: str) -> str:
    return f"{version}-{digest}{signing.mac(_PURPOSE, _signed(str(version), digest)).hex()}"


def _signed(version: str, digest: str) -> bytes:
    # With the caller: behind `/auth/me` each finds another thing.
    caller = g.principal.user_id if "principal" in g else None
    return f"{caller} {request.path} {version} {digest}".encode()
