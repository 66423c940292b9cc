"""Reads the size of a WebP image from its header (RFC 9649)."""

from tests.verify.checks import Failed


def pixel_size(content: bytes) -> tuple[int, int]:
    """Return the width and height. Raises Failed if the content is not a complete WebP file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) != 8 + _number(content[4:8]):
        raise Failed("thumbnail", "a complete WebP file", f"{len(content)} bytes starting with {content[:12]!r}")
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + _number(content[24:27]), 1 + _number(content[27:30])
    if kind == b"VP8L":
        packed = _number(content[21:25])
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    return _number(content[26:28]) & 0x3FFF, _number(content[28:30]) & 0x3FFF


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
