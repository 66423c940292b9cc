"""Comparison of email addresses, words that weaken passwords, active admins, and the reuse of refresh tokens."""

import re
import unicodedata
from datetime import datetime, timedelta

from project.blueprints.auth.models import ProfileRow
from project.infrastructure.email_domains import ascii_domain

# Another instance may have rotated the token, and its clock may be slightly ahead.
_CLOCK_SKEW = timedelta(seconds=1)


def email_key(email: str) -> str:
    """Return the normalized form used to compare email addresses.

    The local part is in NFC and lowercase. NFKC and case folding would change the address: full-width letters, or ß and
    ss, are distinct mailboxes. The domain is in its ASCII form.
    """
    local_part, _, domain = email.rpartition("@")
    # Lowercasing can undo the composition: NFC of `İ` is one character, its lowercase form has two.
    lowercase = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local_part).lower())
    return f"{lowercase}@{ascii_domain(domain)}"


def mailbox_key(email_key: str) -> str:
    """Return `email_key` without its subaddress (RFC 5233): most servers deliver `ada+x@…` to the mailbox `ada@…`."""
    return re.sub(r"(?<=.)\+[^@]*", "", email_key)


def context_words(*texts: str) -> list[str]:
    """Return the texts that attackers may try as passwords, and the words of at least three characters in them."""
    return [*texts, *(word for text in texts for word in re.findall(r"[^\W_]{3,}", text))]


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
