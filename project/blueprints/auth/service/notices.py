"""Emails about changes to accounts, and the limit of emails to one address."""

from datetime import datetime
from uuid import UUID

from project.blueprints.auth import policy
from project.blueprints.auth.jobs import SEND_NOTICE
from project.blueprints.auth.mail import Notice, notice_message
from project.blueprints.auth.models import UserRow
from project.config import current_settings
from project.errors import RateLimited
from project.infrastructure import jobs
from project.infrastructure.clock import now
from project.infrastructure.mail import current_mailer
from project.infrastructure.rate_counter import Quota, pseudonym, use_quota

_HOUR_SECONDS = 3600
_SUBADDRESSES = 10


def enqueue_notice(notice: Notice, user: UserRow, *, at: datetime | None = None) -> None:
    """Enqueue an email about an event at the time `at`, by default now, to the address in `user`.

    Another person may own an address that is not verified, so it gets at most one notice of a kind per hour.
    """
    at = at or now()
    mailbox = pseudonym(policy.mailbox_key(user.email_key))
    dedupe_key = None if user.email_verified else f"{notice} {mailbox} {at:%Y-%m-%d %H}"
    jobs.enqueue(SEND_NOTICE, dedupe_key=dedupe_key, notice=notice, user_id=user.id, to=user.email, at=at.isoformat())


def send_notice(notice: Notice, *, user_id: UUID, to: str, at: datetime) -> None:
    """Send an email about a change. A repeated call sends the same bytes."""
    current_mailer().send(notice_message(notice, user_id=user_id, to=to, at=at))


def use_email_quota(email_key: str) -> int:
    """Count an email to this address, even if it has no account, and to its mailbox with all subaddresses.

    Returns 0 or, if there are more than ACCOUNT_EMAILS_PER_HOUR, the seconds until the next one may be sent.
    """
    number = current_settings().account_emails_per_hour
    mailbox = pseudonym(policy.mailbox_key(email_key))
    return use_quota(
        Quota("account-email", pseudonym(email_key), number, _HOUR_SECONDS),
        Quota("mailbox-email", mailbox, number * _SUBADDRESSES, _HOUR_SECONDS),
    )


def ensure_may_email(email_key: str) -> None:
    """Count an email to this address. Raises RateLimited if there are more than ACCOUNT_EMAILS_PER_HOUR."""
    if seconds := use_email_quota(email_key):
        raise RateLimited("Too many emails to this address.", retry_after=seconds)
