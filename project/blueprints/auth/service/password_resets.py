"""Resetting forgotten passwords by email."""

from datetime import datetime
from uuid import UUID

from project.blueprints.auth import policy, repository
from project.blueprints.auth.errors import TokenSpent
from project.blueprints.auth.jobs import SEND_RESET, START_RESET
from project.blueprints.auth.mail import password_reset_message
from project.blueprints.auth.models import UserRow
from project.blueprints.auth.service.emailed_tokens import RESET_TOKEN, send_token
from project.blueprints.auth.service.notices import enqueue_notice, use_email_quota
from project.blueprints.auth.service.password_changes import hash_password_of
from project.infrastructure import audit, jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction


def request_password_reset(email: str) -> None:
    """Send an email with a reset token to this address if it has an active account.

    Does the same work for any address, even if too many emails have been requested: a job does the rest.
    """
    email_key = policy.email_key(email)
    if use_email_quota(email_key):
        return
    with transaction():
        jobs.enqueue(START_RESET, email_key=email_key, requested_at=now().isoformat())


def start_password_reset(email_key: str, *, requested_at: datetime) -> None:
    """Issue a reset token to the active user with this address, if there is one, and enqueue its email.

    A repeated call does nothing.
    """
    with transaction():
        user = repository.issue_reset_token(email_key, requested_at)
        if user is not None:
            enqueue_reset(user)
            audit.record("auth.request_password_reset", actor_id=None, target=("user", user.id))


def enqueue_reset(user: UserRow) -> None:
    """Enqueue the email with the current reset token."""
    jobs.enqueue(SEND_RESET, user_id=user.id, token_version=user.reset_token_version)


def send_password_reset(user_id: UUID, token_version: int) -> None:
    """Send the email that resets a password, as `send_token` does."""
    send_token(RESET_TOKEN, user_id, token_version, password_reset_message)


def reset_password(token: str, new_password: str) -> None:
    """Set the password of the user that the token was sent to, verify the address, and end all sessions.

    Raises NotFound, TokenSpent, and ValidationFailed if the password is too weak.
    """
    user = RESET_TOKEN.verify(token)
    new_hash = hash_password_of(user, new_password)
    with transaction():
        changed = repository.claim_with_reset_token(user, new_hash)
        if changed is None:
            raise TokenSpent
        repository.end_sessions(user.id)
        enqueue_notice("password-changed", changed)
        audit.record("auth.reset_password", actor_id=user.id, target=("user", user.id))
