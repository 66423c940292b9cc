"""Content type detection: the content determines the type; the filename only distinguishes text formats."""

import runpy
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from PIL import Image

from project.blueprints.files import file_types
from project.blueprints.files.content_type import Detector
from project.blueprints.files.file_types import CONTENT_TYPES

PHOTOS = Path(__file__).parents[2] / "data" / "photos"
OPENXML = "application/vnd.openxmlformats-officedocument."
OPENDOCUMENT = "application/vnd.oasis.opendocument."
TYPES, RELATIONS = "[Content_Types].xml", "_rels/.rels"
DOCX = (OPENXML + "wordprocessingml.document", "word/document.xml")
XLSX = (OPENXML + "spreadsheetml.sheet", "xl/workbook.xml")
PPTX = (OPENXML + "presentationml.presentation", "ppt/presentation.xml")


def detect(content, filename="upload", *, step=1 << 18):
    detector = Detector(filename)
    for start in range(0, len(content), step):
        detector.feed(content[start : start + step])
    return detector.result()


def image_bytes(kind, **options):
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, kind, **options)
    return file.getvalue()


def zip_of(*names, content=b"<x/>" * 50, method=ZIP_DEFLATED):
    file = BytesIO()
    with ZipFile(file, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def mp4(major, *compatible):
    brands = b"".join((major, b"\0\0\2\0", *compatible))
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\0\x08moov" + bytes(64)


def matroska(doctype, length=b""):
    element = b"\x42\x82" + (length or bytes([0x80 + len(doctype)])) + doctype
    return b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01" + element + bytes(64)


@pytest.mark.parametrize("name", ["grace_hopper.jpg", "rocket.jpg", "chelsea.png", "coffee.png"])
@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
def test_photo_type_is_detected_regardless_of_chunk_size(name, step):
    content = (PHOTOS / name).read_bytes()[:20_000]
    expected = {".jpg": "image/jpeg", ".png": "image/png"}[Path(name).suffix]
    assert detect(content, "notes.txt", step=step) == expected


FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (64, 64), "blue")]}


@pytest.mark.parametrize("options", [{}, FRAMES], ids=["still", "animated"])
@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF"])
def test_still_and_animated_images_are_detected(kind, options):
    assert detect(image_bytes(kind, **options)) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n", "application/pdf"),
        (b"ID3\x04\0\0\0\0\0\x23TSSE" + bytes(40), "audio/mpeg"),
        *(
            (b"\xff" + second + b"\x90\x64" + bytes(64), "audio/mpeg")
            for second in (b"\xfb", b"\xfa", b"\xf3", b"\xe3")
        ),
        (mp4(b"isom", b"isom", b"mp41"), "video/mp4"),
        (mp4(b"mp42", b"mp42"), "video/mp4"),
        (mp4(b"iso5", b"iso5", b"dash"), "video/mp4"),
        (mp4(b"avc1"), "video/mp4"),
        (mp4(b"XAVC", b"XAVC", b"mp42"), "video/mp4"),
        (mp4(b"qt  ", b"qt  "), "video/quicktime"),
        (mp4(b"M4A ", b"isom"), "audio/mp4"),
        (mp4(b"heic", b"mif1", b"heic"), "image/heic"),
        (mp4(b"mif1", b"avif"), "image/avif"),
        (matroska(b"webm"), "video/webm"),
        (matroska(b"webm", b"\x01\0\0\0\0\0\0\x04"), "video/webm"),
        (matroska(b"matroska"), "video/x-matroska"),
    ],
)
def test_documents_audio_and_video_are_detected(content, expected):
    assert detect(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"MZ\x90\0\x03" + bytes(200), "application/x-msdownload"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "application/x-executable"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01" + bytes(200), "application/x-mach-binary"),
        (b"#!/bin/sh\nrm -rf /\n", "text/x-shellscript"),
        (b"{\\rtf1 Hello}", "application/rtf"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "application/epub+zip"),
    ],
)
def test_rejected_type_is_detected_despite_image_filename(content, expected):
    assert detect(content, "holiday.jpg") == expected
    assert expected not in CONTENT_TYPES


@pytest.mark.parametrize(("expected", "part"), [DOCX, XLSX, PPTX])
@pytest.mark.parametrize("order", [(TYPES, RELATIONS, 0), (0, RELATIONS, TYPES), (RELATIONS, TYPES, 0)])
def test_office_document_is_detected_regardless_of_part_order(expected, part, order):
    assert detect(zip_of(*(name or part for name in order))) == expected


def test_office_document_with_large_first_part_is_detected():
    file = BytesIO()
    with ZipFile(file, "w", ZIP_STORED) as archive:
        archive.writestr("docProps/thumbnail.jpeg", bytes(200_000))
        archive.writestr(TYPES, "<x/>")
        archive.writestr(PPTX[1], bytes(200_000))
    assert detect(file.getvalue(), step=64) == PPTX[0]


def test_office_document_with_thousands_of_parts_is_detected():
    names = (f"ppt/slides/{'s' * 60}{number}.xml" for number in range(3000))
    assert detect(zip_of(TYPES, PPTX[1], *names)) == PPTX[0]


@pytest.mark.parametrize("kind", ["text", "spreadsheet", "presentation"])
def test_opendocument_is_detected_by_its_mimetype_entry(kind):
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("mimetype", OPENDOCUMENT + kind)
        archive.writestr("content.xml", "<x/>" * 9000)
    assert detect(file.getvalue(), "x.zip") == OPENDOCUMENT + kind


@pytest.mark.parametrize(
    "content",
    [
        zip_of("a.txt"),
        zip_of(),
        zip_of("word/list.txt", "xl/list.txt"),
        zip_of("report.docx", content=zip_of(TYPES, DOCX[1]), method=ZIP_STORED),
        zip_of(*(f"{number}/{'n' * 100}" for number in range(3000))),
    ],
    ids=["plain", "empty", "office-folders", "nested-document", "many-entries"],
)
def test_archive_that_is_not_a_document_is_detected_as_zip(content):
    assert detect(content, "report.docx") == "application/zip"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<!DOCTYPE html><p>", "text/html"),
        (b"\xef\xbb\xbf \r\n\t<HTML>", "text/html"),
        (b"\xef\xbb\xbf \f\n<p>caf\xe9", "text/html"),
        (b"<!-- ftypM4A --><script>", "text/html"),
        (b"hello <ScRiPt>alert(1)</ScRiPt>", "text/html"),
        (b"GIF89a=1;//<script>", "text/html"),
        (b"<p>caf\xe9", "text/html"),
        (b"<svg onload=alert(1)>", "image/svg+xml"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><note/>", "application/xml"),
        (b"<" + bytes(256) + b"ustar", "text/html"),
    ],
)
@pytest.mark.parametrize("name", ["x.png", "x.txt", "x.md", "x.json"])
def test_markup_is_detected_regardless_of_filename(content, expected, name):
    assert detect(content, name) == expected
    assert expected not in CONTENT_TYPES


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.txt", "Grüße, 世界\f\r\n".encode(), "text/plain"),
        ("a", b"\xef\xbb\xbfhello", "text/plain"),
        ("a.html", b"nothing but words", "text/plain"),
        ("A.CSV", b"a,b\n1,2\n", "text/csv"),
        ("a.md", b"# Title\n", "text/markdown"),
        ("a.b.markdown", b"# Title\n", "text/markdown"),
        ("a.json", b'\n {"a": 1}', "application/json"),
        ("a.json", b"-1", "application/json"),
        ("a.json", b"not json", "text/plain"),
        ("a.txt", b'{"a": 1}', "text/plain"),
        ("cars.csv", b"BMW,Mercedes\n", "text/csv"),
        ("codes.csv", b"MZ,Mozambique\n", "text/csv"),
        ("tags.txt", b"ID3 tags are read first", "text/plain"),
    ],
)
def test_text_type_depends_on_filename(name, content, expected):
    assert detect(content, name) == expected


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_text_is_detected_regardless_of_chunk_size(step):
    assert detect("aß世😀\n".encode() * 3000, step=step) == "text/plain"


@pytest.mark.parametrize("invalid", [b"\xff", b"\xc3", b"\0", b"\x1b[31m", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_non_text_byte_near_the_end_of_content_is_detected(invalid):
    assert detect(b"a,b\n" * 100_000 + invalid, "a.csv") == "application/octet-stream"
    assert detect(b"a,b\n" * 100_000 + invalid + b"\na,b", "a.csv") == "application/octet-stream"


def test_empty_content_has_no_type():
    assert detect(b"") is None


def test_result_is_available_after_every_chunk():
    detector = Detector("a.txt")
    detector.feed("ß".encode()[:1])
    assert detector.result() == "application/octet-stream"
    detector.feed("ß".encode()[1:])
    assert detector.result() == "text/plain"


def test_error_about_types_that_are_both_supported_and_rejected_lists_them_in_order(tmp_path):
    source = Path(file_types.__file__).read_text()
    names = sorted(CONTENT_TYPES)
    lines = "".join(f"    FileType({name!r}),\n" for name in names)
    copy = tmp_path / "copy.py"
    copy.write_text(source.replace("_REJECTED = (\n", f"_REJECTED = (\n{lines}"))
    with pytest.raises(RuntimeError, match=": " + ", ".join(names)):
        runpy.run_path(str(copy))
