"""Creating thumbnails, in a background job."""

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from uuid import UUID

from project.blueprints.files import repository, thumbnails
from project.config import current_settings
from project.infrastructure.database import transaction
from project.infrastructure.storage import current_storage


def make_thumbnails(file_id: UUID) -> None:
    """Create a file's thumbnails, even if an earlier job failed. Idempotent.

    Does nothing if the file is gone, or if its thumbnails are ready or unsupported.
    """
    file = repository.find_file(file_id)
    if file is None or file.thumbnails not in ("pending", "failed"):
        return
    try:
        with _local_copy(f"{file.storage_key}/original") as image:
            rendered = thumbnails.render(image, max_pixels=current_settings().max_image_pixels)
    except thumbnails.ImageNotSupported:
        mark_thumbnails_failed(file_id)
        return
    for size, encoded in rendered.items():
        current_storage().put(f"{file.storage_key}/{size}", [encoded])
    with transaction():
        repository.set_thumbnails(file_id, "ready")


def mark_thumbnails_failed(file_id: UUID) -> None:
    """Record that the file's thumbnails cannot be created."""
    with transaction():
        repository.set_thumbnails(file_id, "failed")


@contextmanager
def _local_copy(key: str) -> Iterator[BinaryIO]:
    """Yield a local copy of an object, because `render` treats any read error as a damaged image."""
    with TemporaryFile() as copy:
        with current_storage().open(key) as stored:
            copyfileobj(stored, copy)
        yield cast(BinaryIO, copy)
