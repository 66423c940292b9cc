"""Making thumbnails, as a job."""

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
    """Render the thumbnails, also when they were given up before; done twice, they are the same objects."""
    file = repository.find_file(file_id)
    if file is None or file.thumbnails not in ("pending", "failed"):
        return
    try:
        with _local_copy(f"{file.storage_key}/original") as picture:
            rendered = thumbnails.render(picture, max_pixels=current_settings().max_image_pixels)
    except thumbnails.ImageNotSupported:
        mark_thumbnails_failed(file_id)
        return
    for size, image in rendered.items():
        current_storage().put(f"{file.storage_key}/{size}", [image])
    with transaction():
        repository.set_thumbnails(file_id, "ready")


def mark_thumbnails_failed(file_id: UUID) -> None:
    """There will be no thumbnails."""
    with transaction():
        repository.set_thumbnails(file_id, "failed")


@contextmanager
def _local_copy(key: str) -> Iterator[BinaryIO]:
    """Rendering takes every read error for damage, so the store must have answered before."""
    with TemporaryFile() as copy:
        with current_storage().open(key) as stored:
            copyfileobj(stored, copy)
        yield cast(BinaryIO, copy)
