"""The size of a WebP picture, from its header (RFC 9649)."""

from tests.verify.checks import Failed


def pixel_size(content: bytes) -> tuple[int, int]:
    """Width and height. Raises Failed if this is no whole WebP file."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) != 8 + _number(content[4:8]):
        raise Failed("thumbnail", "RIFF….WEBP", f"{len(content)} bytes beginning with {content[:12]!r}")
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + _number(content[24:27]), 1 + _number(content[27:30])
    if kind == b"VP8L":
        packed = _number(content[21:25])
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    return _number(content[26:28]) & 0x3FFF, _number(content[28:30]) & 0x3FFF


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
