"""Comparison of email addresses, active admins, and the grace period for replaced refresh tokens."""

import unicodedata
from datetime import datetime, timedelta

from project.blueprints.auth.models import ProfileRow

# Another instance may have rotated the token, and its clock may be slightly ahead.
_CLOCK_SKEW = timedelta(seconds=1)


def email_key(email: str) -> str:
    """Return the normalized form used to compare email addresses: NFC, lowercase.

    NFC keeps full-width letters distinct from ASCII letters.
    """
    return unicodedata.normalize("NFC", email).lower()


def is_active_admin(user: ProfileRow) -> bool:
    """Return whether a user may use the routes for admins."""
    return user.role == "admin" and user.status == "active"


def may_reuse_refresh_token(
    presented: int, *, generation: int, used_generation: int, rotated_at: datetime, at: datetime, grace: timedelta
) -> bool:
    """Return whether a replaced token is still accepted, in case the client did not receive the new one.

    Only the previous generation is accepted: for `grace` after the rotation, and later until an access token of the
    current generation is used, which shows that its response has arrived.
    """
    is_parent = presented == generation - 1
    return is_parent and (used_generation < generation or -_CLOCK_SKEW <= at - rotated_at <= grace)
