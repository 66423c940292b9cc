"""The file types that may be uploaded, how each is detected, and how it is served.

To add a type, add one line to the start of FILE_TYPES, or move its line there if it is in `_REJECTED`. Further down, a
more general type, such as ZIP or MP4, could match first.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from project.config import InvalidSettings

_OPENXML = "application/vnd.openxmlformats-officedocument."
_OPENDOCUMENT = "application/vnd.oasis.opendocument."
# An OpenDocument file is a ZIP archive whose first member contains its type.
_MIMETYPE = rb"PK\x03\x04.{26}mimetype"
# Media containers list their compatible brands after the major brand.
_BRAND = rb".{4}ftyp"
_COMPATIBLE = rb".{4}(.{4}){0,15}?"
_AVIF = rb"(avi[fs]|m[is]f1" + _COMPATIBLE + rb"avif)"
_MP4_COMPATIBLE = _COMPATIBLE + rb"(mp4[12]|isom)"
_MP4 = rb"(iso[m2-9]|mp4[12]|mp71|avc1|dash|MSNV|M4V[ HP]|f4v |.{4}" + _MP4_COMPATIBLE + rb")"
# The length field before the document type takes one to eight bytes.
_MATROSKA = rb"\x1aE\xdf\xa3.{0,99}B\x82.{1,8}?"


@dataclass(frozen=True, slots=True)
class FileType:
    """A file type that is detected from the content.

    `signature` is a regular expression that matches the start of the content. Text may match it by chance, so such a
    match is ignored unless `can_be_text` is set. `suffixes` are the filename suffixes of a text format. `office_folder`
    is a folder in the ZIP archive of an Office document. `image_format` is Pillow's name of the format, if thumbnails
    are rendered. Browsers may display the file inline only if `is_inline` is set.
    """

    content_type: str
    signature: bytes | None = None
    can_be_text: bool = False
    suffixes: tuple[str, ...] = ()
    office_folder: str | None = None
    image_format: str | None = None
    is_inline: bool = False

    def matches(self, head: bytes) -> bool:
        """Return whether `head`, the start of the content, matches the signature, or True if there is none."""
        return self.signature is None or re.match(self.signature, head, re.DOTALL) is not None


# If several signatures match, the first one counts.
FILE_TYPES = (
    FileType("image/jpeg", rb"\xff\xd8\xff", image_format="JPEG", is_inline=True),
    FileType("image/png", rb"\x89PNG\r\n\x1a\n", image_format="PNG", is_inline=True),
    FileType("image/gif", rb"GIF8[79]a", image_format="GIF", is_inline=True),
    FileType("image/webp", rb"RIFF.{4}WEBPVP8", image_format="WEBP", is_inline=True),
    FileType("image/avif", _BRAND + _AVIF, image_format="AVIF", is_inline=True),
    FileType("application/pdf", rb"(\xef\xbb\xbf)?%PDF", can_be_text=True),
    FileType("text/plain"),
    FileType("text/csv", suffixes=(".csv",)),
    FileType("text/markdown", suffixes=(".md", ".markdown")),
    FileType("application/json", rb'[ \t\n\r]*([{\["]|-?[0-9]|true|false|null)', suffixes=(".json",)),
    FileType(_OPENXML + "wordprocessingml.document", office_folder="word"),
    FileType(_OPENXML + "spreadsheetml.sheet", office_folder="xl"),
    FileType(_OPENXML + "presentationml.presentation", office_folder="ppt"),
    FileType(_OPENDOCUMENT + "text", _MIMETYPE + _OPENDOCUMENT.encode() + rb"text"),
    FileType(_OPENDOCUMENT + "spreadsheet", _MIMETYPE + _OPENDOCUMENT.encode() + rb"spreadsheet"),
    FileType(_OPENDOCUMENT + "presentation", _MIMETYPE + _OPENDOCUMENT.encode() + rb"presentation"),
    FileType("application/zip", rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
    FileType("audio/mpeg", rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]", is_inline=True),
    FileType("video/mp4", _BRAND + _MP4, is_inline=True),
    FileType("video/webm", _MATROSKA + rb"webm", is_inline=True),
)
# Types that are never allowed. Without them, some files would be detected as one of the types above, and the error
# could not name the type of others.
_REJECTED = (
    FileType("application/epub+zip", _MIMETYPE + rb"application/epub\+zip"),
    FileType("application/postscript", rb"%!", can_be_text=True),
    FileType("application/rtf", rb"\{\\rtf", can_be_text=True),
    FileType("application/x-executable", rb"\x7fELF"),
    FileType("application/x-mach-binary", rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe"),
    FileType("application/x-msdownload", rb"MZ"),
    FileType("audio/mp4", _BRAND + rb"M4A "),
    FileType("image/heic", _BRAND + rb"(heic|m[is]f1" + _COMPATIBLE + rb"heic)"),
    FileType("text/x-shellscript", rb"#!", can_be_text=True),
    FileType("video/quicktime", _BRAND + rb"qt  (?!" + _MP4_COMPATIBLE + rb")"),
    FileType("video/x-matroska", _MATROSKA + rb"matroska"),
)

CONTENT_TYPES = frozenset(each.content_type for each in FILE_TYPES)
if _twice := CONTENT_TYPES & {each.content_type for each in _REJECTED}:
    raise RuntimeError(f"in both FILE_TYPES and _REJECTED; remove one of the two lines: {', '.join(sorted(_twice))}")
INLINE_TYPES = frozenset(each.content_type for each in FILE_TYPES if each.is_inline)
IMAGE_FORMATS = {each.content_type: each.image_format for each in FILE_TYPES if each.image_format}
OFFICE_FOLDERS = {each.office_folder: each.content_type for each in FILE_TYPES if each.office_folder}
TEXT_TYPES = tuple(each for each in FILE_TYPES if each.suffixes)
BINARY_TYPES = tuple(each for each in (*_REJECTED, *FILE_TYPES) if each.signature and not each.suffixes)


def ensure_supported(content_types: Collection[str]) -> None:
    """Raise InvalidSettings if ALLOWED_CONTENT_TYPES contains a type that is not in FILE_TYPES."""
    if unsupported := ", ".join(sorted(set(content_types) - CONTENT_TYPES)):
        supported = ", ".join(sorted(CONTENT_TYPES))
        raise InvalidSettings(f"ALLOWED_CONTENT_TYPES: not supported: {unsupported}. Supported types: {supported}")
