"""Detects a file's type from its content while it is streamed. The filename is used only to tell text formats apart."""

import codecs
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile

from project.blueprints.files import file_types

_HEAD_BYTES = 8 * 1024
# A ZIP archive ends with its member list. This many bytes can hold a list of more than a thousand members.
_TAIL_BYTES = 128 * 1024
_EARLY_BYTES = 1024

_ZIP = "application/zip"
_MARKUP = (b"<!doctype", b"<html", b"<svg", b"<script")
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f"))


class Detector:
    """Detects the content type of a file that is fed in chunks. Uses bounded memory."""

    def __init__(self, filename: str) -> None:
        self._suffix = PurePosixPath(filename).suffix.lower()
        self._head = b""
        self._tail = b""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._is_readable = True

    def feed(self, chunk: bytes) -> None:
        """Process the next bytes of the file."""
        self._head += chunk[: _HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + chunk[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        self._is_readable = self._is_readable and self._decodes_as_text(chunk)

    def result(self) -> str | None:
        """Return the content type of the bytes fed so far, or `None` if there were none."""
        if not self._head:
            return None
        return self._markup() or self._binary() or self._text() or "application/octet-stream"

    def _decodes_as_text(self, chunk: bytes) -> bool:
        try:
            self._utf8.decode(chunk)
        except UnicodeDecodeError:
            return False
        return len(chunk.translate(None, _CONTROLS)) == len(chunk)

    def _is_text(self) -> bool:
        incomplete_bytes, _ = self._utf8.getstate()
        return self._is_readable and not incomplete_bytes

    def _markup(self) -> str | None:
        """Return the content type if the content is markup, or `None` if it is not.

        This check comes first, so that nothing a browser might interpret as markup is classified as an image.
        """
        start = self._head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
        early = start[:_EARLY_BYTES]
        if not start.startswith(b"<") and not (self._is_text() and any(tag in early for tag in _MARKUP)):
            return None
        if start.startswith((b"<!doctype html", b"<html")):
            return "text/html"
        if b"<svg" in start:
            return "image/svg+xml"
        return "application/xml" if start.startswith(b"<?xml") else "text/html"

    def _binary(self) -> str | None:
        # Text can happen to start with a file signature ("MZ", "ID3"), but the rest of a real binary file would not be
        # text.
        is_text = self._is_text()
        candidates = (each for each in file_types.BINARY_TYPES if each.can_be_text or not is_text)
        found = next((each.content_type for each in candidates if each.matches(self._head)), None)
        return _archive_type(self._head, self._tail) if found == _ZIP else found

    def _text(self) -> str | None:
        if not self._is_text():
            return None
        candidates = (each for each in file_types.TEXT_TYPES if self._suffix in each.suffixes)
        return next((each.content_type for each in candidates if each.matches(self._head)), "text/plain")


def _archive_type(head: bytes, tail: bytes) -> str:
    """Return the type of the Office document in a ZIP archive, or `application/zip`. Members may be in any order.

    If the member list is longer than `tail`, only the members in `head` are known.
    """
    try:
        names = set(ZipFile(BytesIO(tail)).namelist())
    except (BadZipFile, ValueError, NotImplementedError):
        names = set(_member_names(head))
    folders = {name.partition("/")[0] for name in names}
    if "[Content_Types].xml" not in names:
        return _ZIP
    return next((name for folder, name in file_types.OFFICE_FOLDERS.items() if folder in folders), _ZIP)


def _member_names(head: bytes) -> Iterator[str]:
    """Yield the names in the local file headers that start in `head`."""
    for header in re.finditer(rb"PK\x03\x04.{22}(..)..", head, re.DOTALL):
        name = head[header.end() : header.end() + int.from_bytes(header[1], "little")]
        yield name.decode(errors="replace")
