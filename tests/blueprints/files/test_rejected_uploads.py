"""Uploads that are rejected because of their type, checksum or form leave no row and no stored object behind."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from project.blueprints.files.models import File
from project.infrastructure.database import read
from tests.blueprints.files.raw_forms import CLOSING_BOUNDARY, field_part, file_part, part, send
from tests.kit.clients.api import Api, pointers, problem

DIGEST = hashlib.sha256(b"hello").hexdigest()
UNKNOWN_ID = "01a20472-de38-71e6-9445-d8d74c06d560"
FILE_POINTER = ("files", "/file")


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    return shared_api.as_new_user()


@pytest.fixture(autouse=True)
def _ensure_nothing_is_stored(shared_app: Flask) -> Iterator[None]:
    yield
    store: Path = shared_app.extensions["settings"].data_dir / "files"
    with shared_app.app_context(), read() as connection:
        assert connection.scalar(select(func.count()).select_from(File)) == 0
    assert [path for path in store.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(64), "cat.jpg"),
        (b"MZ\x90\x00" + bytes(64), "cat.png"),
        (b"<!doctype html><script>alert(1)</script>", "cat.png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "cat.svg"),
        (b"#!/bin/sh\nrm -rf /\n", "notes.txt"),
        (bytes(64), "cat.jpg"),
    ],
    ids=["elf", "exe", "html", "svg", "script", "unknown-content"],
)
def test_disallowed_content_is_rejected_despite_declared_type(ada: Api, content: bytes, filename: str) -> None:
    declared_as_jpeg = part(f'; name="file"; filename="{filename}"', content, "Content-Type: image/jpeg")
    problem(send(ada, declared_as_jpeg), 415, "file-type-not-allowed")


@pytest.mark.parametrize("digest", ["0" * 64, DIGEST[:-1] + "0"])
@pytest.mark.parametrize("checksum_first", [True, False])
def test_wrong_checksum_is_rejected(ada: Api, digest: str, checksum_first: bool) -> None:
    parts = [field_part("sha256", digest), file_part()]
    problem(send(ada, *(parts if checksum_first else parts[::-1])), 422, "checksum-mismatch")


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ([], FILE_POINTER),
        ([field_part("sha256", DIGEST)], FILE_POINTER),
        ([field_part("file", "hello")], FILE_POINTER),
        ([file_part(b"")], FILE_POINTER),
        ([file_part(), file_part()], FILE_POINTER),
        ([file_part(), part('; name="other"; filename="x"', b"x")], ("files", "/other")),
        ([part('; name="a/b"; filename="x"', b"x"), file_part()], ("files", "/a~1b")),
        ([file_part(), field_part("owner_id", UNKNOWN_ID)], ("form", "/owner_id")),
        ([file_part(), field_part("status", "trashed")], ("form", "/status")),
        ([file_part(), field_part("", "x")], ("form", "/")),
        ([file_part(), field_part("sha256", DIGEST), field_part("sha256", DIGEST)], ("form", "/sha256")),
        ([file_part(), field_part("sha256", "")], ("form", "/sha256")),
        ([file_part(), field_part("sha256", DIGEST + "\n")], ("form", "/sha256")),
        ([file_part(), field_part("sha256", "x" * 64)], ("form", "/sha256")),
        ([file_part(), field_part("organization_id", "")], ("form", "/organization_id")),
        ([file_part(), field_part("organization_id", "\x00")], ("form", "/organization_id")),
        ([file_part(), field_part("organization_id", "null")], ("form", "/organization_id")),
    ],
    ids=repr,
)
def test_invalid_form_is_rejected_with_pointer_to_the_field(
    ada: Api, parts: list[bytes], pointer: tuple[str, str]
) -> None:
    assert pointers(problem(send(ada, *parts), 422, "validation-failed")) == {pointer}


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        CLOSING_BOUNDARY[:-4],
        file_part(),
        file_part() + b"--x",
        file_part()[:-9],
        part("", b"x") + CLOSING_BOUNDARY,
        b"--x\r\nContent-Type: text/plain\r\n\r\nx\r\n" + CLOSING_BOUNDARY,
        b"--x\r\n: :\r\n\r\n" + CLOSING_BOUNDARY,
        file_part() + field_part("sha256", b"\xff\xfe") + CLOSING_BOUNDARY,
        file_part().replace(b"--x", b"--y") + CLOSING_BOUNDARY.replace(b"x", b"y"),
    ],
    ids=lambda body: repr(body[-30:]),
)
def test_unparseable_form_is_rejected_as_malformed(ada: Api, body: bytes) -> None:
    problem(send(ada, closing=body), 400, "malformed-request")


@pytest.mark.parametrize(
    "parts",
    [
        [field_part(f"field{number}", "x") for number in range(1500)],
        [file_part(), *(field_part(f"field{number}", "x") for number in range(1500))],
        [field_part("sha256", "x" * 20_000), file_part()],
        [file_part(), field_part("sha256", "x" * 2_000_000)],
        [part('; name="file"; filename="x"', b"hello", f"X-Long: {'x' * 2_000_000}")],
    ],
    ids=["many-fields", "many-fields-after-file", "long-field", "very-long-field", "long-header"],
)
def test_oversized_form_is_rejected(ada: Api, parts: list[bytes]) -> None:
    problem(send(ada, *parts), 413, "payload-too-large")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/mixed; boundary=x"])
def test_upload_that_is_not_multipart_form_data_is_rejected(ada: Api, content_type: str) -> None:
    problem(send(ada, file_part(), content_type=content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'x' * 71}"])
def test_form_without_valid_boundary_is_rejected_as_malformed(ada: Api, boundary: str) -> None:
    problem(send(ada, file_part(), content_type=f"multipart/form-data{boundary}"), 400, "malformed-request")


def test_compressed_form_is_rejected(ada: Api) -> None:
    response = send(ada, file_part(), headers={"Content-Encoding": "gzip"})
    problem(response, 415, "unsupported-media-type")
