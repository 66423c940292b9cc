"""Emails about changes to accounts, and the limit of emails to one address."""

from datetime import datetime
from math import ceil
from uuid import UUID

from project.blueprints.auth.jobs import SEND_NOTICE
from project.blueprints.auth.mail import Notice, notice_message
from project.config import current_settings
from project.errors import RateLimited
from project.infrastructure import jobs, signing
from project.infrastructure.clock import now
from project.infrastructure.mail import current_mailer
from project.infrastructure.rate_counter import current_rate_counter

_HOUR_SECONDS = 3600


def enqueue_notice(notice: Notice, *, user_id: UUID, to: str, at: datetime | None = None) -> None:
    """Enqueue an email about an event at the time `at`, by default now, to the address that the user had before it."""
    jobs.enqueue(SEND_NOTICE, notice=notice, user_id=user_id, to=to, at=(at or now()).isoformat())


def send_notice(notice: Notice, *, user_id: UUID, to: str, at: datetime) -> None:
    """Send an email about a change. A repeated call sends the same bytes."""
    current_mailer().send(notice_message(notice, user_id=user_id, to=to, at=at))


def may_email(email_key: str) -> bool:
    """Count an email to this address as `ensure_may_email` does, and return whether it may be sent."""
    try:
        ensure_may_email(email_key)
    except RateLimited:
        return False
    return True


def ensure_may_email(email_key: str) -> None:
    """Count an email to this address, even if it has no account.

    Raises RateLimited if there are more than ACCOUNT_EMAILS_PER_HOUR.
    """
    settings = current_settings()
    if not settings.rate_limit_enabled:
        return
    address = signing.mac("account-email", email_key.encode()).hex()[:32]
    used = current_rate_counter().count(f"account-email:{address}", _HOUR_SECONDS)
    if used.number > settings.account_emails_per_hour:
        raise RateLimited("Too many emails to this address.", retry_after=max(1, ceil(used.seconds_left)))
