"""Kinds of errors, independent of HTTP. Only `http/responses/problems.py` maps them to HTTP statuses.

A blueprint subclasses a kind and defines a stable `code`, a constant `title` and a `remedy`. The docstring of the
subclass is the cause. Cause, title and remedy are shown on the problem's public page.
"""

import inspect
import re
from collections.abc import Collection
from typing import Any, ClassVar


class Error(Exception):
    """Base class of all errors. Its direct subclasses in this module are the kinds of errors."""

    code: ClassVar[str]
    title: ClassVar[str]
    remedy: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if Error in cls.__bases__ and cls.__module__ == __name__:  # a kind
            return
        if missing := [name for name in ("code", "title", "remedy") if not getattr(cls, name, None)]:
            raise TypeError(f"{cls.__name__} must define {', '.join(missing)}")
        if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", cls.code):
            raise TypeError(
                f"{cls.__name__}.code is {cls.code!r}, but must be lowercase words joined by hyphens, "
                "such as 'name-taken'"
            )

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None, **members: Any) -> None:
        """Create the error.

        `detail` describes this occurrence and defaults to the cause. `retry_after` is in seconds. `members` are
        added to the response body.
        """
        super().__init__(detail or self.cause())
        self.detail = detail or self.cause()
        self.retry_after = retry_after
        self.members = members

    @classmethod
    def cause(cls) -> str:
        """Return the cause of this error: the docstring of the class, on one line."""
        return " ".join((inspect.getdoc(cls) or "").split())


class BadRequest(Error):
    """The request is malformed."""


class Unauthenticated(Error):
    """The caller is not authenticated."""


class Forbidden(Error):
    """The caller is authenticated but lacks permission."""


class Missing(Error):
    """The resource does not exist, or the caller may not see it."""


class Conflict(Error):
    """The request conflicts with the current state."""


class Gone(Error):
    """The resource once existed but is no longer valid."""


class Stale(Error):
    """The request specifies an outdated version of the resource."""


class TooLarge(Error):
    """The request exceeds a size limit."""


class Unsupported(Error):
    """The content type is not supported."""


class Unprocessable(Error):
    """The request is well-formed, but a value is invalid."""


class TooMany(Error):
    """The caller exceeded a rate limit."""


class Unavailable(Error):
    """A dependency is unavailable."""


class NotFound(Missing):
    """The resource does not exist, or you do not have access to it."""

    code = "not-found"
    title = "Not found"
    remedy = "Check the path and the id, and make sure that you are logged in with an account that has access."


class PermissionDenied(Forbidden):
    """You can see this resource but are not allowed to perform this action."""

    code = "permission-denied"
    title = "Permission denied"
    remedy = "Ask someone with a higher role to perform the action, or to change your role."


class PreconditionFailed(Stale):
    """`If-Match` does not match the current version of the resource."""

    code = "precondition-failed"
    title = "Precondition failed"
    remedy = "Get the resource again and, if the change still makes sense, repeat the request with its current `ETag`."


class ValidationFailed(Unprocessable):
    """At least one value in the request is invalid. `errors` lists each of them."""

    code = "validation-failed"
    title = "Validation failed"
    remedy = "Correct the values listed in `errors` and send the request again."


class RateLimited(TooMany):
    """Too many requests were sent for this account, or from this IP address or network."""

    code = "rate-limited"
    title = "Too many requests"
    remedy = "Wait for the number of seconds in `Retry-After`. The `RateLimit` header shows the remaining quota."


class ServiceUnavailable(Unavailable):
    """A dependency of this service is down or too slow."""

    code = "service-unavailable"
    title = "Service unavailable"
    remedy = "Retry the request with the same idempotency key after the number of seconds in `Retry-After`."


def version_mismatch(versions: Collection[int] | None) -> Error:
    """Return the error for a conditional update that matched no row.

    This is PreconditionFailed if the caller required one of `versions`, otherwise NotFound.
    """
    return NotFound() if versions is None else PreconditionFailed()
