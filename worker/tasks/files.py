"""The tasks of the files blueprint."""

from uuid import UUID

from project.blueprints.files import service
from project.blueprints.files.jobs import ADD_THUMBNAILS, MAKE_THUMBNAILS, PURGE
from worker.runner import job


def mark_thumbnails_failed(file_id: str) -> None:
    service.mark_thumbnails_failed(UUID(file_id))


@job(MAKE_THUMBNAILS, on_dead=mark_thumbnails_failed)
def make_thumbnails(file_id: str) -> None:
    service.make_thumbnails(UUID(file_id))


@job(ADD_THUMBNAILS)
def add_thumbnails() -> None:
    service.add_thumbnails()


@job(PURGE)
def purge_files() -> None:
    service.purge_files()
