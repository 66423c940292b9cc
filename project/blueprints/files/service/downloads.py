"""Opening files and thumbnails for download."""

from typing import BinaryIO
from uuid import UUID

from project.blueprints.files.models import FileRow
from project.blueprints.files.service.metadata import get_stored
from project.errors import NotFound
from project.infrastructure.storage import current_storage


def open_content(file_id: UUID, user_id: UUID) -> tuple[FileRow, BinaryIO]:
    """Return a stored file and a reader for its content, which the caller must close. Raises NotFound."""
    file = get_stored(file_id, user_id)
    return file, current_storage().open(f"{file.storage_key}/original")


def open_thumbnail(file_id: UUID, user_id: UUID, size: str) -> tuple[FileRow, BinaryIO]:
    """Return a stored file and a reader for its WebP thumbnail, which the caller must close.

    Raises NotFound if the file does not exist or has no thumbnail of this size.
    """
    file = get_stored(file_id, user_id)
    if size not in file.thumbnail_sizes:
        raise NotFound("The file has no thumbnail of this size. `thumbnails.sizes` lists the available sizes.")
    return file, current_storage().open(f"{file.storage_key}/{size}")
