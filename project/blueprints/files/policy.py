"""Who may do what to a file, and what is taken as its name."""

import re
import unicodedata
from typing import Any
from uuid import UUID

from project.errors import PermissionDenied

INLINE_TYPES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "audio/mpeg",
        "video/mp4",
        "video/webm",
    }
)
_MAX_FILENAME_LENGTH = 255
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def may_change(file: Any, *, user_id: UUID, role: str | None) -> bool:
    """The uploader may, and who runs the organization (`role` is the caller's in it)."""
    return bool(file.owner_id == user_id) or may_change_all(role)


def may_change_all(role: str | None) -> bool:
    """Whether `role` may change what others uploaded, and so sees it in the trash."""
    return role in ("admin", "owner")


def ensure_may_change(file: Any, *, user_id: UUID, role: str | None) -> None:
    """Raises PermissionDenied."""
    if not may_change(file, user_id=user_id, role=role):
        raise PermissionDenied("Only the uploader and the organization's admins may do this.")


def safe_filename(filename: str) -> str:
    """The last part of `filename` without what could harm whoever saves it; `file` if nothing is left."""
    # Cut before anything else: normalizing takes quadratic time.
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", filename[-4 * _MAX_FILENAME_LENGTH :]))[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip(" .")
    name = re.sub(r'[<>:"|?*]', "_", name)
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if len(name) > _MAX_FILENAME_LENGTH:
        name = stem[: _MAX_FILENAME_LENGTH - len(ending) - 1] + dot + ending if 0 < len(ending) < 20 else name
    return name[:_MAX_FILENAME_LENGTH] or "file"
