"""Thumbnails: appearance, metadata removal, and unsupported images."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw

from project.blueprints.files.thumbnails import SIZES, ImageNotSupported, render

PHOTOS = Path(__file__).parents[2] / "data" / "photos"
MEGAPIXELS = 1_000_000


def encoded(image, kind, **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file


def thumbnails(source, *, max_pixels=50 * MEGAPIXELS):
    encoded_thumbnails = render(source, SIZES, max_pixels=max_pixels)
    return {name: Image.open(BytesIO(content), formats=["WEBP"]) for name, content in encoded_thumbnails.items()}


def two_color_image(size=(64, 32), colors=("red", "blue")):
    """Return an image whose left and right halves have different colors."""
    image = Image.new("RGB", size, colors[1])
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=colors[0])
    return image


def black_png(edge):
    """Return a complete, all-black PNG, built without holding all of its pixels in memory."""
    rows = zlib.compressobj(1)
    row = bytes(1 + (edge + 7) // 8)
    pixels = b"".join(rows.compress(row) for _ in range(edge)) + rows.flush()
    header = struct.pack(">IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    return BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND"))


def chunk(name, content=b""):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def mean_difference(rendered, original):
    difference = ImageChops.difference(rendered.convert("RGB"), original)
    return max(difference.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


def close_to(color, other):
    return all(abs(one - two) <= 12 for one, two in zip(color[:3], other[:3], strict=True))


@pytest.mark.parametrize("name", ["grace_hopper.jpg", "chelsea.png", "coffee.png"])
def test_thumbnails_have_expected_sizes_and_resemble_the_original(name):
    original = Image.open(PHOTOS / name).convert("RGB")
    with (PHOTOS / name).open("rb") as source:
        rendered = thumbnails(source)
    assert (max(rendered["small"].size), rendered["large"].size) == (256, original.size)
    assert mean_difference(rendered["large"], original) <= 6


def test_adobe_rgb_photo_is_converted_to_srgb():
    original = Image.open(PHOTOS / "rocket.jpg")
    profile = ImageCms.ImageCmsProfile(BytesIO(original.info["icc_profile"]))
    expected = ImageCms.profileToProfile(original, profile, ImageCms.createProfile("sRGB"))
    with (PHOTOS / "rocket.jpg").open("rb") as source:
        rendered = thumbnails(source)["large"]
    assert mean_difference(rendered, expected) <= 6 < mean_difference(rendered, original)
    assert "icc_profile" not in rendered.info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_image_in_supported_format_is_scaled_to_both_sizes(kind):
    rendered = thumbnails(encoded(two_color_image((2048, 1024)), kind))
    assert {name: max(image.size) for name, image in rendered.items()} == SIZES
    assert close_to(rendered["small"].convert("RGB").getpixel((20, 60)), (255, 0, 0))


@pytest.mark.parametrize("size", [(1, 1), (100, 40), (5000, 1), (1, 5000)])
def test_image_is_not_enlarged_and_each_side_has_at_least_one_pixel(size):
    for name, image in thumbnails(encoded(Image.new("RGB", size), "PNG")).items():
        assert image.size == tuple(min(edge, SIZES[name]) for edge in size)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_image_is_rotated_according_to_exif_orientation(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = thumbnails(encoded(two_color_image(), kind, exif=exif))["small"].convert("RGB")
    assert upright.size == (32, 64)
    assert close_to(upright.getpixel((16, 5)), (255, 0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_xmp_and_comment_metadata_is_removed(kind):
    exif = Image.Exif()
    exif[0x010E] = "CANARY-EXIF"
    exif.get_ifd(0x8825)[29] = "CANARY-GPS"
    source = encoded(two_color_image(), kind, exif=exif, xmp=b"<x:CANARY-XMP/>", comment=b"CANARY-COMMENT")
    assert b"CANARY" in source.getvalue()
    for content in render(source, SIZES, max_pixels=MEGAPIXELS).values():
        assert b"CANARY" not in content
        assert not Image.open(BytesIO(content)).getexif()


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "CMYK"])
def test_damaged_color_profile_is_ignored(mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    source = encoded(Image.new("RGB", (8, 8), "white").convert(mode), kind, icc_profile=b"no profile")
    assert close_to(thumbnails(source)["large"].convert("RGB").getpixel((4, 4)), (255, 255, 255))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("GIF", "RGBA"), ("WEBP", "RGBA"), ("AVIF", "RGBA")],
)
def test_transparency_is_kept(kind, mode):
    image = two_color_image(colors=("white", "black")).convert("RGBA")
    image.putalpha(image.getchannel("R"))
    rendered = thumbnails(encoded(image.convert(mode), kind))["large"]
    alpha = rendered.getchannel("A")
    assert (alpha.getpixel((5, 16)), alpha.getpixel((60, 16))) == (255, 0)


def test_16_bit_samples_are_scaled_to_8_bits():
    gray = Image.new("I;16", (8, 8), 0x8080)
    assert close_to(thumbnails(encoded(gray, "PNG"))["large"].convert("RGB").getpixel((4, 4)), (128, 128, 128))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_thumbnail_of_animation_shows_first_frame(kind):
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "blue")]
    source = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    rendered = thumbnails(source)["large"]
    assert not rendered.is_animated
    assert close_to(rendered.convert("RGB").getpixel((16, 16)), (255, 0, 0))


def test_rendering_is_deterministic():
    content = (PHOTOS / "chelsea.png").read_bytes()
    first = render(BytesIO(content), SIZES, max_pixels=MEGAPIXELS)
    assert render(BytesIO(content), SIZES, max_pixels=MEGAPIXELS) == first


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_image_is_rejected(kind, share):
    content = encoded(Image.open(PHOTOS / "chelsea.png"), kind).getvalue()
    with pytest.raises(ImageNotSupported):
        render(BytesIO(content[: int(len(content) * share)]), SIZES, max_pixels=MEGAPIXELS)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "TGA", "ICO", "PDF"])
def test_unsupported_format_is_rejected(kind):
    with pytest.raises(ImageNotSupported):
        render(encoded(two_color_image(), kind), SIZES, max_pixels=MEGAPIXELS)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_invalid_image_is_rejected(content):
    with pytest.raises(ImageNotSupported):
        render(BytesIO(content), SIZES, max_pixels=MEGAPIXELS)


def test_pixel_count_is_limited():
    source = encoded(Image.new("RGB", (100, 50)), "PNG")
    assert render(source, SIZES, max_pixels=5000)
    with pytest.raises(ImageNotSupported, match="100 x 50"):
        render(source, SIZES, max_pixels=4999)


def reject_in_subprocess(source, path):
    """Return the error message and the increase in peak memory during rendering, in KiB.

    Rendering runs in a subprocess because this process may already have reached a higher peak.
    """
    path.write_bytes(source.getvalue())
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(path)]
    error, _, growth = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition(":")
    return error, int(growth)


SCRIPT = """
import resource, sys
from project.blueprints.files.thumbnails import SIZES, ImageNotSupported, render

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with open(sys.argv[1], "rb") as source:
    before = peak_kib()
    try:
        render(source, SIZES, max_pixels=50_000_000)
    except ImageNotSupported as error:
        print(f"{error}:{peak_kib() - before}")
"""


@pytest.mark.parametrize("edge", [13_000, 20_000])
def test_huge_png_is_rejected_without_decoding(edge, tmp_path):
    _, growth_kib = reject_in_subprocess(black_png(edge), tmp_path / "huge.png")
    assert growth_kib < 16 * 1024


def test_34_byte_webp_with_169_megapixels_is_rejected_without_decoding(tmp_path):
    source = BytesIO(bytes.fromhex("524946461a000000574542505650384c0e0000002fc7f2b10c071011fd0f4444ff03"))
    error, growth_kib = reject_in_subprocess(source, tmp_path / "huge.webp")
    assert (error, growth_kib < 16 * 1024) == ("13000 x 13000 pixels are too many", True)


def test_image_with_huge_trailing_data_is_rejected(tmp_path):
    path = tmp_path / "tail.webp"
    path.write_bytes(encoded(two_color_image(), "WEBP").getvalue())
    with path.open("r+b") as source:
        source.truncate(1024**3)
        with pytest.raises(ImageNotSupported, match="bytes"):
            render(source, SIZES, max_pixels=MEGAPIXELS)


def test_jpeg_with_too_many_scans_is_rejected():
    jpeg = encoded(Image.effect_noise((64, 64), 50), "JPEG", progressive=True).getvalue()
    last_scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    render(BytesIO(jpeg), SIZES, max_pixels=MEGAPIXELS)
    with pytest.raises(ImageNotSupported, match="scans"):
        render(BytesIO(jpeg[:-2] + last_scan * 200 + jpeg[-2:]), SIZES, max_pixels=MEGAPIXELS)
