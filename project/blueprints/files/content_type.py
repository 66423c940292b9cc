"""Detects a file's type from its content while it is streamed. The filename is used only to tell text formats apart."""

import codecs
import re
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile

import filetype

_OPENXML = "application/vnd.openxmlformats-officedocument."

_HEAD_BYTES = 8 * 1024
# A ZIP archive ends with its member list. This many bytes can hold a list of more than a thousand members.
_TAIL_BYTES = 128 * 1024
_EARLY_BYTES = 1024

# Formats that `filetype` does not detect, or for which it returns a more specific type than the allowlist contains.
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb".{4}ftypavis", re.DOTALL), "image/avif"),
    (re.compile(rb".{4}ftyp(iso[m2-9]|mp4[12]|mp71|avc1|dash|MSNV|M4V[ HP]|f4v )", re.DOTALL), "video/mp4"),
    # The length field before the document type takes one to eight bytes.
    (re.compile(rb"\x1aE\xdf\xa3.{0,99}B\x82.{1,8}?webm", re.DOTALL), "video/webm"),
    (re.compile(rb"\xff[\xe2\xe3\xfa][\x10-\xef]"), "audio/mpeg"),
    (
        re.compile(rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe"),
        "application/x-mach-binary",
    ),
)
_PRINTABLE = ("application/pdf", "application/postscript", "application/rtf")
_OFFICE = {
    "word/": _OPENXML + "wordprocessingml.document",
    "xl/": _OPENXML + "spreadsheetml.sheet",
    "ppt/": _OPENXML + "presentationml.presentation",
}
_MARKUP = (b"<!doctype", b"<html", b"<svg", b"<script")
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f"))
_JSON = re.compile(rb'[ \t\n\r]*([{\["]|-?[0-9]|true|false|null)')
_TEXTS = {".csv": "text/csv", ".md": "text/markdown", ".markdown": "text/markdown"}


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
        found = next((name for pattern, name in _SIGNATURES if pattern.match(self._head)), None)
        found = found or filetype.guess_mime(self._head)
        if found == "application/zip" or found in _OFFICE.values():
            return _office_type(self._tail) or found
        # Text can happen to start with a file signature ("BMW", "MZ", "ID3"), but the rest of a real binary file would
        # not be text.
        return found if found in _PRINTABLE or not self._is_text() else None

    def _text(self) -> str | None:
        if not self._is_text():
            return None
        if self._head.startswith(b"#!"):
            return "text/x-shellscript"
        if self._suffix == ".json" and _JSON.match(self._head):
            return "application/json"
        return _TEXTS.get(self._suffix, "text/plain")


def _office_type(tail: bytes) -> str | None:
    """Return the type of an Office document or ZIP archive, or `None` if the member list is unreadable.

    The members may be in any order.
    """
    try:
        names = ZipFile(BytesIO(tail)).namelist()
    except (BadZipFile, ValueError, NotImplementedError):
        return None
    folders = {name.partition("/")[0] + "/" for name in names}
    if "[Content_Types].xml" not in names:
        return "application/zip"
    return next((name for folder, name in _OFFICE.items() if folder in folders), "application/zip")
