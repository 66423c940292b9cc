"""Which email addresses are equal, and when a replaced refresh token is still accepted."""

import unicodedata
from datetime import datetime, timedelta

# Another instance may have rotated the token, and its clock may be slightly ahead.
_CLOCK_SKEW = timedelta(seconds=1)


def email_key(email: str) -> str:
    """Return the form in which addresses are compared: NFC, lower case.

    NFC keeps full-width letters distinct from ASCII ones.
    """
    return unicodedata.normalize("NFC", email).lower()


def may_reuse_refresh_token(
    presented: int, *, generation: int, rotated_at: datetime, at: datetime, grace: timedelta
) -> bool:
    """Return whether a replaced token is still accepted, because the client may have lost the response.

    Only the previous generation is, for `grace` after the rotation.
    """
    return presented == generation - 1 and -_CLOCK_SKEW <= at - rotated_at <= grace
