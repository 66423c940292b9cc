"""Confirming and changing email addresses."""

from uuid import UUID

from project.blueprints.auth import policy, repository
from project.blueprints.auth.errors import TokenSpent
from project.blueprints.auth.jobs import SEND_VERIFICATION
from project.blueprints.auth.mail import verification_message
from project.blueprints.auth.models import UserRow
from project.blueprints.auth.service.emailed_tokens import EMAIL_TOKEN, send_token
from project.blueprints.auth.service.notices import enqueue_notice, ensure_may_email
from project.blueprints.auth.service.password_changes import hash_password_of, verify_password, wrong_password
from project.infrastructure import audit, jobs
from project.infrastructure.database import transaction


def request_email_verification(user_id: UUID) -> None:
    """Send the email that confirms the address of a user again. Its token replaces the previous one.

    Does nothing if the address is verified and no other address is pending. Raises RateLimited.
    """
    user = repository.get_user(user_id)
    if user.email_verified and user.pending_email is None:
        return
    ensure_may_email(policy.email_key(user.pending_email or user.email))
    with transaction():
        issued = repository.issue_email_token(user_id)
        if issued is not None:
            enqueue_verification(issued)


def change_email(user_id: UUID, *, email: str, password: str) -> None:
    """Send an email to the new address, which replaces the old one as soon as it is confirmed.

    Raises ValidationFailed if the password is wrong, RateLimited.
    """
    user = verify_password(user_id, password, pointer="/password")
    email_key = policy.email_key(email)
    ensure_may_email(email_key)
    with transaction():
        changed = repository.set_pending_email(user, email=email, email_key=email_key)
        if changed is None:
            raise wrong_password("/password")
        enqueue_verification(changed)
        enqueue_notice("email-change-requested", changed)
        audit.record("auth.change_email", actor_id=user_id, target=("user", user_id))


def confirm_email(token: str, *, new_password: str | None = None) -> None:
    """Confirm the address that the token was sent to.

    With a `new_password`, the account is left to the owner of the address: the previous password, all sessions and all
    other tokens become invalid. Raises NotFound, TokenSpent, EmailTaken if another account has the address by now, and
    ValidationFailed if the new password is too weak.
    """
    user = EMAIL_TOKEN.verify(token)
    new_hash = None if new_password is None else hash_password_of(user, new_password)
    with transaction():
        if new_hash is None:
            confirmed = repository.confirm_email(user)
        else:
            confirmed = repository.claim_with_email_token(user, new_hash)
            repository.end_sessions(user.id)
        if confirmed is None:
            raise TokenSpent
        action = "auth.confirm_email" if new_hash is None else "auth.claim_account"
        audit.record(action, actor_id=user.id, target=("user", user.id))


def enqueue_verification(user: UserRow) -> None:
    """Enqueue the email with the current token for the address that the user has yet to confirm."""
    jobs.enqueue(SEND_VERIFICATION, user_id=user.id, token_version=user.email_token_version)


def send_verification(user_id: UUID, token_version: int) -> None:
    """Send the email that confirms an address, as `send_token` does."""
    send_token(EMAIL_TOKEN, user_id, token_version, verification_message)
