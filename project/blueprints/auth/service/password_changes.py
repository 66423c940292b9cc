"""Choosing and changing passwords."""

from uuid import UUID

from project.blueprints.auth import passwords, policy, repository
from project.blueprints.auth.models import UserRow
from project.blueprints.auth.service.notices import enqueue_notice
from project.config import current_settings
from project.errors import ValidationFailed
from project.infrastructure import audit
from project.infrastructure.database import transaction
from project.setting_types import host_of_url


def hash_new_password(password: str, *, email: str, display_name: str, pointer: str) -> str:
    """Return the hash of a new password. Raises ValidationFailed at `pointer` if the password is too weak.

    A password is too weak if it mainly consists of what identifies the user or the service.
    """
    password = passwords.normalize(password)
    settings = current_settings()
    service = (settings.mail_sender, host_of_url(settings.public_url))
    known = policy.context_words(email, email.partition("@")[0], display_name, *service)
    weakness = passwords.weakness(password, known=known)
    if weakness:
        raise _invalid(pointer, weakness)
    return passwords.hash_password(password)


def hash_password_of(user: UserRow, new_password: str) -> str:
    """Return the hash of the `new_password` of a user. Raises ValidationFailed at `/new_password` if it is too weak."""
    return hash_new_password(new_password, email=user.email, display_name=user.display_name, pointer="/new_password")


def verify_password(user_id: UUID, password: str, *, pointer: str) -> UserRow:
    """Return the user if this is the password. Otherwise raises ValidationFailed, at `pointer` in the body."""
    user = repository.get_user(user_id)
    if not passwords.matches(user.password_hash, passwords.normalize(password)):
        raise wrong_password(pointer)
    return user


def change_password(user_id: UUID, *, session_id: UUID | None, current_password: str, new_password: str) -> None:
    """Change the password of a user, and end all sessions but the one with the id `session_id`.

    Raises ValidationFailed if the current password is wrong or the new one is too weak.
    """
    user = verify_password(user_id, current_password, pointer="/current_password")
    new_hash = hash_password_of(user, new_password)
    with transaction():
        # Update the user first, so that no concurrent login with the old password leaves a session behind.
        changed = repository.change_password(user, new_hash)
        if changed is None:
            raise wrong_password("/current_password")
        repository.end_sessions(user_id, except_id=session_id)
        enqueue_notice("password-changed", changed)
        audit.record("auth.change_password", actor_id=user_id, target=("user", user_id))


def wrong_password(pointer: str) -> ValidationFailed:
    """Return the error for a wrong password of the caller, at `pointer` in the body."""
    return _invalid(pointer, "Not your current password.")


def _invalid(pointer: str, detail: str) -> ValidationFailed:
    return ValidationFailed(errors=[{"pointer": pointer, "location": "body", "detail": detail}])
