"""The kinds of refusal. Nothing here knows HTTP: `http/problems` alone gives a kind its status.

A blueprint subclasses a kind with a stable `code`, a `title` that never varies and a `remedy`; the
docstring is the cause. All three stand on the public page of the problem.
"""

import inspect
from collections.abc import Collection
from typing import Any, ClassVar


class Error(Exception):
    """Something was refused."""

    code: ClassVar[str]
    title: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None, **members: Any) -> None:
        """`detail` says what is wrong this time; `retry_after` is in seconds; `members` join the answer."""
        super().__init__(detail or self.cause())
        self.detail = detail or self.cause()
        self.retry_after = retry_after
        self.members = members

    @classmethod
    def cause(cls) -> str:
        """What this problem means, in a sentence or two."""
        return " ".join((inspect.getdoc(cls) or "").split())


class BadRequest(Error):
    """The request cannot be understood."""


class Unauthenticated(Error):
    """Who is asking is not known."""


class Forbidden(Error):
    """The caller is known, and may not do this."""


class Missing(Error):
    """There is no such thing, or the caller may not know of it."""


class Conflict(Error):
    """The request does not fit the present state."""


class Gone(Error):
    """It was valid once."""


class Stale(Error):
    """The request names a version that is not the present one."""


class TooLarge(Error):
    """More was sent than is taken."""


class Unsupported(Error):
    """This type of content is not taken."""


class Unprocessable(Error):
    """Well-formed, but a value is wrong."""


class TooMany(Error):
    """More requests came than are taken in the time."""


class Unavailable(Error):
    """A dependency is away; nothing was changed."""


class NotFound(Missing):
    """There is nothing here, or nothing that you may see."""

    code = "not-found"
    title = "Not found"
    remedy = "Check the path and the id, and that you are signed in as someone who may see it."


class PermissionDenied(Forbidden):
    """You may see this, but you may not do this to it."""

    code = "permission-denied"
    title = "Permission denied"
    remedy = "Ask someone with a higher role to do it, or to raise yours."


class PreconditionFailed(Stale):
    """`If-Match` names another version than the present one, or no version of this at all."""

    code = "precondition-failed"
    title = "Precondition failed"
    remedy = "Read the thing again, and repeat the request with its present `ETag` if that still makes sense."


class ValidationFailed(Unprocessable):
    """The request is well-formed, but at least one value in it is wrong; `errors` names each."""

    code = "validation-failed"
    title = "Validation failed"
    remedy = "Correct the values that `errors` points at, and send the request again."


class RateLimited(TooMany):
    """More requests of this kind came from you, or from where you are, than are taken in the time."""

    code = "rate-limited"
    title = "Too many requests"
    remedy = "Send the same request again after the seconds in `Retry-After`; `RateLimit` says how many you have left."


class ServiceUnavailable(Unavailable):
    """Something this service depends on is down or too slow. Nothing was changed."""

    code = "service-unavailable"
    title = "Service unavailable"
    remedy = "Send the same request again after the seconds in `Retry-After`."


def version_mismatch(versions: Collection[int] | None) -> Error:
    """Why an update of a row that has one of `versions` met none: it changed meanwhile, or it is gone."""
    return NotFound() if versions is None else PreconditionFailed()
