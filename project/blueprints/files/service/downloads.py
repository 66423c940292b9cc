"""Opening the content and the thumbnails of files."""

from typing import Any, BinaryIO
from uuid import UUID

from project.blueprints.files.service.metadata import get_stored
from project.errors import NotFound
from project.infrastructure.storage import current_storage


def open_content(file_id: UUID, user_id: UUID) -> tuple[Any, BinaryIO]:
    """A stored file and a reader of its bytes, for the caller to close. Raises NotFound."""
    file = get_stored(file_id, user_id)
    return file, current_storage().open(f"{file.storage_key}/original")


def open_thumbnail(file_id: UUID, user_id: UUID, size: str) -> tuple[Any, BinaryIO]:
    """A stored file and a reader of its thumbnail, as WebP. Raises NotFound until it is ready."""
    file = get_stored(file_id, user_id)
    if file.thumbnails != "ready":
        raise NotFound
    return file, current_storage().open(f"{file.storage_key}/{size}")
