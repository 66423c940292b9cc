"""Permissions on files, and safe filenames."""

import re
import unicodedata
from uuid import UUID

from project.blueprints.files.models import FileRow
from project.errors import PermissionDenied

_MAX_FILENAME_LENGTH = 255
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def may_change(file: FileRow, *, user_id: UUID, role: str | None) -> bool:
    """Return whether a user may change a file, as its uploader or as an admin or owner of its organization.

    `role` is the user's role in the file's organization.
    """
    return file.owner_id == user_id or may_change_all(role)


def may_change_all(role: str | None) -> bool:
    """Return whether `role` allows changing other members' files, and therefore seeing them in the trash."""
    return role in ("admin", "owner")


def ensure_may_change(file: FileRow, *, user_id: UUID, role: str | None) -> None:
    """Raise PermissionDenied unless the user may change the file."""
    if not may_change(file, user_id=user_id, role=role):
        raise PermissionDenied("Only the uploader and the organization's admins and owners may do this.")


def safe_filename(filename: str) -> str:
    """Return the last path component of `filename`, made safe for any file system, or `file` if nothing is left."""
    # Truncate first: normalization can take quadratic time.
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", filename[-4 * _MAX_FILENAME_LENGTH :]))[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip(" .")
    name = re.sub(r'[<>:"|?*]', "_", name)
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if len(name) > _MAX_FILENAME_LENGTH:
        is_extension = len(extension) < 20
        name = stem[: _MAX_FILENAME_LENGTH - len(extension) - 1] + dot + extension if is_extension else name
    return name[:_MAX_FILENAME_LENGTH] or "file"
