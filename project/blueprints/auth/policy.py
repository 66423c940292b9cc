"""What counts as the same address, and which refresh token may still be presented."""

import unicodedata
from datetime import datetime, timedelta

# The node that rotated may be a moment ahead of this one.
_CLOCK_SKEW = timedelta(seconds=1)


def email_key(email: str) -> str:
    """What addresses are compared by: NFC and lower case. Full-width letters are other letters."""
    return unicodedata.normalize("NFC", email).lower()


def may_reuse_refresh_token(
    presented: int, *, generation: int, rotated_at: datetime, at: datetime, grace: timedelta
) -> bool:
    """Whether a token that was just replaced still gets its successor: the answer may have been lost."""
    return presented == generation - 1 and -_CLOCK_SKEW <= at - rotated_at <= grace
