"""Registration: by anyone, with confirmation of the email address, or by invitation."""

from datetime import datetime

from project.blueprints.auth import policy, repository
from project.blueprints.auth.errors import EmailTaken
from project.blueprints.auth.jobs import REPEAT_REGISTRATION
from project.blueprints.auth.models import UserRow
from project.blueprints.auth.service.email_addresses import enqueue_verification
from project.blueprints.auth.service.notices import enqueue_notice, use_email_quota
from project.blueprints.auth.service.password_changes import hash_new_password
from project.blueprints.auth.service.password_resets import enqueue_reset
from project.config import current_settings
from project.errors import PermissionDenied
from project.infrastructure import audit, jobs
from project.infrastructure.clock import now
from project.infrastructure.database import transaction


def register(*, email: str, password: str, display_name: str | None) -> UserRow | None:
    """Create an account, enqueue the email that confirms its address, and return the user.

    The display name defaults to the local part of the address. In registration mode `confirm`, returns `None` and does
    the same work whether or not the address has an account. Raises EmailTaken, PermissionDenied if registration is
    closed, and ValidationFailed if the password is too weak.
    """
    mode = current_settings().registration_mode
    if mode == "closed":
        raise PermissionDenied("Only invited users can register.")
    display_name = display_name or _default_name(email)
    password_hash = _hash(password, email, display_name)
    is_open = mode == "open"
    may_send = not use_email_quota(policy.email_key(email))
    with transaction():
        user = _add(email, password_hash, display_name, email_verified=False)
        if user is None and is_open:
            raise EmailTaken
        if may_send:
            _enqueue_email(user, policy.email_key(email))
        _record_registration(user)
    return user if is_open else None


def register_verified(*, email: str, password: str, display_name: str | None) -> UserRow:
    """Create an account for the proven owner of an address, or give an unverified one to them. Returns the user.

    The display name defaults to the local part of the address.
    The previous password, all sessions and all tokens of an unverified account become invalid.
    Raises EmailTaken if a verified account has the address, and ValidationFailed if the password is too weak.
    """
    display_name = display_name or _default_name(email)
    password_hash = _hash(password, email, display_name)
    with transaction():
        added = _add(email, password_hash, display_name, email_verified=True)
        if added is not None:
            _record_registration(added)
            return added
        claimed = repository.claim_unverified(policy.email_key(email), password_hash, display_name=display_name)
        if claimed is None:
            raise EmailTaken
        repository.end_sessions(claimed.id)
        audit.record("auth.claim_account", actor_id=claimed.id, target=("user", claimed.id))
    return claimed


def repeat_registration(email_key: str, *, requested_at: datetime) -> None:
    """Send an email to the owner of an address that was registered again: a notice, or a token to choose a password.

    If the address is not verified, it is unknown which registration came from its owner. So the token of the first one
    becomes invalid, and the owner chooses a new password. A repeated call sends nothing but the same notice.
    """
    with transaction():
        contested = repository.issue_reset_token_to_unverified(email_key, requested_at)
        if contested is not None:
            enqueue_reset(contested)
            return
        user = repository.find_user_by_email(email_key)
        if user is not None and user.status == "active":
            enqueue_notice("already-registered", user, at=requested_at)


def _enqueue_email(added: UserRow | None, email_key: str) -> None:
    if added is not None:
        enqueue_verification(added)
    else:
        jobs.enqueue(REPEAT_REGISTRATION, email_key=email_key, requested_at=now().isoformat())


def _record_registration(added: UserRow | None) -> None:
    """Record a registration, or, in mode `confirm`, that of an address that has an account."""
    target = None if added is None else ("user", added.id)
    audit.record("auth.register", actor_id=None, target=target, outcome="success" if added else "denied")


def _default_name(email: str) -> str:
    return email.partition("@")[0]


def _hash(password: str, email: str, display_name: str) -> str:
    return hash_new_password(password, email=email, display_name=display_name, pointer="/password")


def _add(email: str, password_hash: str, display_name: str, *, email_verified: bool) -> UserRow | None:
    return repository.add_user(
        email=email,
        email_key=policy.email_key(email),
        email_verified=email_verified,
        display_name=display_name,
        password_hash=password_hash,
    )
