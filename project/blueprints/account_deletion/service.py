"""Deleting an account. Blueprints whose rows belong to a user add a call to `delete_account`."""

from uuid import UUID

from project.blueprints.account_deletion.jobs import TRASH_FILES
from project.blueprints.auth import service as auth
from project.blueprints.files import service as files
from project.blueprints.organizations import service as organizations
from project.config import current_settings
from project.infrastructure import audit, jobs
from project.infrastructure.database import transaction


def delete_account(user_id: UUID, *, password: str) -> None:
    """Delete the account of a user, end all sessions and memberships, and enqueue the deletion of the personal files.

    Raises ValidationFailed if the password is wrong, LastAdmin, and LastOwner if the user is the only owner of an
    organization.
    """
    user = auth.verify_password(user_id, password, pointer="/password")
    with transaction():
        auth.delete_user(user)
        organizations.leave_all(user_id)
        audit.record("account_deletion.delete_account", actor_id=user_id, target=("user", user_id))
        jobs.enqueue(TRASH_FILES, user_id=user_id)
        # Uploads that have already begun may still complete.
        jobs.enqueue(TRASH_FILES, delay_seconds=current_settings().upload_timeout_seconds, user_id=user_id)


def trash_files(user_id: UUID) -> None:
    """Move the personal files of a deleted user to the trash, from which they are purged."""
    files.trash_personal_files(user_id)
