"""The tasks of the account deletion blueprint."""

from uuid import UUID

from project.blueprints.account_deletion import service
from project.blueprints.account_deletion.jobs import TRASH_FILES
from worker.runner import job


@job(TRASH_FILES)
def trash_files(user_id: str) -> None:
    service.trash_files(UUID(user_id))
