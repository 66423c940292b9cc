"""Creating thumbnails, in background jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from uuid import UUID

from project.blueprints.files import repository, thumbnails
from project.blueprints.files.jobs import MAKE_THUMBNAILS
from project.config import current_settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.storage import current_storage

# Limits how long the thumbnails of new uploads have to wait.
_MAX_ACTIVE_JOBS = 100


def make_thumbnails(file_id: UUID) -> None:
    """Create the thumbnails that a file lacks, even if an earlier job failed. Idempotent.

    Does nothing if the file is gone, or if its thumbnails are ready or unsupported.
    """
    file = repository.find_file(file_id)
    if file is None or file.thumbnails not in ("pending", "failed"):
        return
    missing = thumbnails.SIZES.keys() - set(file.thumbnail_sizes)
    try:
        with _local_copy(f"{file.storage_key}/original") as image:
            rendered = thumbnails.render(image, missing, max_pixels=current_settings().max_image_pixels)
    except thumbnails.ImageNotSupported:
        mark_thumbnails_failed(file_id)
        return
    for size, encoded in rendered.items():
        current_storage().put(f"{file.storage_key}/{size}", [encoded])
    with transaction():
        is_kept = repository.mark_thumbnails_ready(file_id, {*file.thumbnail_sizes, *rendered})
    if not is_kept:  # the purge may have deleted the objects before they were written
        for size in rendered:
            current_storage().delete(f"{file.storage_key}/{size}")


def add_thumbnails() -> None:
    """Enqueue thumbnail jobs for images that lack a size, such as a new one, until `_MAX_ACTIVE_JOBS` are active."""
    depths = [depth for depth in jobs.queue_depths() if depth.name == MAKE_THUMBNAILS and depth.status != "dead"]
    limit = max(0, _MAX_ACTIVE_JOBS - sum(depth.number for depth in depths))
    with transaction():
        for file_id in repository.reset_incomplete_thumbnails(thumbnails.SIZES, limit):
            jobs.enqueue(MAKE_THUMBNAILS, file_id=file_id)


def mark_thumbnails_failed(file_id: UUID) -> None:
    """Record that the file's thumbnails cannot be created."""
    with transaction():
        repository.mark_thumbnails_failed(file_id)


@contextmanager
def _local_copy(key: str) -> Iterator[BinaryIO]:
    """Yield a local copy of an object, because `render` treats any read error as a damaged image."""
    with TemporaryFile() as copy:
        with current_storage().open(key) as stored:
            copyfileobj(stored, copy)
        yield cast(BinaryIO, copy)
