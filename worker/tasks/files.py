"""The jobs of files."""

from uuid import UUID

from project.blueprints.files import service
from project.blueprints.files.jobs import MAKE_THUMBNAILS, SWEEP
from worker.runner import job


def give_up(file_id: str) -> None:
    service.give_up_thumbnails(UUID(file_id))


@job(MAKE_THUMBNAILS, on_dead=give_up)
def make_thumbnails(file_id: str) -> None:
    service.make_thumbnails(UUID(file_id))


@job(SWEEP)
def sweep() -> None:
    service.sweep()
