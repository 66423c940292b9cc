"""Conditional requests for versioned resources (RFC 9110): `ETag`, `If-None-Match` and `If-Match`.

A tag is `"<version>-<digest><MAC>"`. The version counts changes to the resource; `If-Match` compares only the
version. The digest distinguishes representations of the same version. The MAC proves that this service issued the tag
for this path and caller.
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
    """Decorate `view` to remember the version of the resource that it returns, for `add_etag`."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = view(*args, **kwargs)
        resource = result[0] if isinstance(result, tuple) and len(result) == 3 else result
        g.version = resource.get("version") if isinstance(resource, dict) else getattr(resource, "version", None)
        return result

    return wrapper  # type: ignore[return-value]


def add_etag(view: View) -> View:
    """Decorate `view` to add an `ETag` if it returns a versioned resource, or return 304 if the client has it."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        response: Response = view(*args, **kwargs)
        _add_etag(response)
        return response

    return wrapper  # type: ignore[return-value]


def expected_versions() -> frozenset[int] | None:
    """Return the versions that `If-Match` lists for the resource at this path, or `None` if any version is allowed.

    Weak tags, and tags that this service did not issue for this path and caller, match no version.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(version for tag in request.if_match.as_set() if (version := _version(tag)) is not None)


def _add_etag(response: Response) -> None:
    version = g.get("version")
    # The path of a POST is that of the collection, not of the created resource.
    if version is None or response.status_code != 200 or request.method == "POST":
        return
    tag = _tag(version, hashlib.sha256(response.get_data()).hexdigest()[:16])
    response.set_etag(tag)
    if request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")


def _version(tag: str | None) -> int | None:
    match = _TAG.fullmatch(tag or "")  # Werkzeug parses an empty tag as None.
    if match is None or not signing.verify_mac(_PURPOSE, _signed(match[1], match[2]), bytes.fromhex(match[3])):
        return None
    return int(match[1])


def _tag(version: int, digest: str) -> str:
    return f"{version}-{digest}{signing.mac(_PURPOSE, _signed(str(version), digest)).hex()}"


def _signed(version: str, digest: str) -> bytes:
    # The caller is included because `/auth/me` is a different resource for each caller.
    caller = g.principal.user_id if "principal" in g else None
    return f"{caller} {request.path} {version} {digest}".encode()
