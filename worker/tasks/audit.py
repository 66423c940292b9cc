"""The task of the audit blueprint."""

from project.blueprints.audit import service
from project.blueprints.audit.jobs import PURGE_ENTRIES
from worker.runner import job


@job(PURGE_ENTRIES)
def purge_entries() -> None:
    service.purge_entries()
