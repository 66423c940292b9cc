"""Small WebP copies of pictures, re-encoded from the pixels alone: nothing else of the original survives."""

import os
import warnings
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageCms, ImageOps

SIZES = {"small": 256, "large": 1024}
SUPPORTED = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"})

_MAX_EDGE = max(SIZES.values())
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
# Some of the decoders read their whole input into memory.
_MAX_ENCODED_BYTES = 64 * 1024 * 1024
_START_OF_SCAN = b"\xff\xda"
_MAX_SCANS = 100
_SRGB = ImageCms.createProfile("sRGB")


class ImageNotSupported(Exception):
    """Not a picture we can show: damaged, too large, or of another format. Trying again will not help."""


def render(source: BinaryIO, *, max_pixels: int) -> dict[str, bytes]:
    """WebP bytes for each of SIZES, the longest edge in pixels; never larger than the original.

    `source` is seekable and local: an error while reading it counts as damage. The same bytes give the
    same thumbnails. Raises Unrenderable.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return _render(source, max_pixels)
    except (ImageNotSupported, MemoryError):
        raise
    except Exception as error:
        # Pillow's decoders meet damage with nearly every exception there is.
        raise ImageNotSupported(f"{type(error).__name__} while decoding") from error


def _render(source: BinaryIO, max_pixels: int) -> dict[str, bytes]:
    picture = _to_srgb(_decode(source, max_pixels))
    return {name: _encode(_shrink(picture, edge)) for name, edge in SIZES.items()}


def _decode(source: BinaryIO, max_pixels: int) -> Image.Image:
    if source.seek(0, os.SEEK_END) > _MAX_ENCODED_BYTES:
        raise ImageNotSupported("more bytes than a picture should have")
    with Image.open(source, formats=_FORMATS) as original:
        if original.width * original.height > max_pixels:
            raise ImageNotSupported(f"{original.width} x {original.height} pixels are too many")
        if original.format == "JPEG":
            _ensure_few_scans(source)
        # A JPEG decodes straight to an eighth, quarter or half, in as much less memory and time.
        original.draft(None, _fit(original, _MAX_EDGE))
        return ImageOps.exif_transpose(_shrink(original, _MAX_EDGE))


def _ensure_few_scans(source: BinaryIO) -> None:
    """A progressive JPEG may be a million scans of nothing, each decoded over the whole picture."""
    position = source.tell()
    source.seek(0)
    if source.read(_MAX_ENCODED_BYTES).count(_START_OF_SCAN) > _MAX_SCANS:
        raise ImageNotSupported("more scans than a picture should have")
    source.seek(position)


def _shrink(picture: Image.Image, edge: int) -> Image.Image:
    size = _fit(picture, edge)
    return _resizable(picture).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _fit(picture: Image.Image, edge: int) -> tuple[int, int]:
    scale = min(1.0, edge / max(picture.size))
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _resizable(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # Pillow's own conversion cuts 16 bits off at 255 instead of scaling them.
        return picture.point(lambda value: value * (1 / 256), "L")
    if picture.mode in ("1", "P", "PA") or "transparency" in picture.info:
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture


def _to_srgb(picture: Image.Image) -> Image.Image:
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    profile = picture.info.get("icc_profile")
    # A profile that is damaged or made for other channels is left out; the picture is shown all the same.
    with suppress(ImageCms.PyCMSError, OSError):
        if profile:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, _SRGB, outputMode=mode)
            picture = converted or picture
    return picture.convert(mode)


def _encode(picture: Image.Image) -> bytes:
    encoded = BytesIO()
    # Method 2 takes half the time of the usual 4 for 3 % more bytes. The empty metadata is spelt out because
    # some versions of Pillow carry over what the original had.
    picture.save(encoded, "WEBP", quality=80, method=2, icc_profile=None, exif=b"", xmp=b"")
    return encoded.getvalue()
