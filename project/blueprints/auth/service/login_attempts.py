"""Verification of passwords at login, with a limit on the wrong ones per account."""

from project.blueprints.auth import passwords
from project.blueprints.auth.models import UserRow
from project.config import current_settings
from project.errors import RateLimited
from project.infrastructure import rate_counter
from project.infrastructure.rate_counter import Quota

_WINDOW_SECONDS = 15 * 60


def is_password_of(user: UserRow | None, password: str, *, email_key: str) -> bool:
    """Return whether `password` is that of `user`, who was looked up by `email_key`.

    Counts the attempt before hashing, so that concurrent attempts cannot exceed the limit. The correct password resets
    the count. While the limit is exceeded, even the correct password is rejected: otherwise guessing could go on.
    Raises RateLimited.
    """
    password_hash = None if user is None else user.password_hash
    quota = _quota(email_key, password_hash)
    if seconds := rate_counter.use_quota(quota):
        raise RateLimited("Too many wrong passwords for this email address.", retry_after=seconds)
    is_correct = passwords.matches(password_hash, password)
    if is_correct:
        rate_counter.reset_quota(quota)
    return is_correct


def _quota(email_key: str, password_hash: str | None) -> Quota:
    """Return the quota of an account, or of an unknown email address, so that the limit does not reveal accounts.

    A new password has its own quota, so that the user can log in immediately after changing or resetting it.
    """
    subject = rate_counter.pseudonym(email_key, password_hash or "")
    return Quota("login-account", subject, current_settings().password_attempts_per_15_minutes, _WINDOW_SECONDS)
