"""Uploads that are refused: by type, checksum or form, and none of them leaves anything behind."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from project.blueprints.files.models import File
from project.infrastructure.database import read
from tests.blueprints.files.raw_forms import CLOSING, field_part, file_part, part, send
from tests.kit.clients.api import Api, pointers, problem

DIGEST = hashlib.sha256(b"hello").hexdigest()
NOBODYS = "01a20472-de38-71e6-9445-d8d74c06d560"
FILE = ("files", "/file")


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    return shared_api.signed_in()


@pytest.fixture(autouse=True)
def _leaves_nothing(shared_app: Flask) -> Iterator[None]:
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
    ids=["elf", "exe", "html", "svg", "script", "nothing known"],
)
def test_type_is_judged_by_the_bytes(ada: Api, content: bytes, filename: str) -> None:
    typed = part(f'; name="file"; filename="{filename}"', content, "Content-Type: image/jpeg")
    problem(send(ada, typed), 415, "file-type-not-allowed")


@pytest.mark.parametrize("digest", ["0" * 64, DIGEST[:-1] + "0"])
@pytest.mark.parametrize("first", [True, False])
def test_wrong_checksum_is_refused(ada: Api, digest: str, first: bool) -> None:
    parts = [field_part("sha256", digest), file_part()]
    problem(send(ada, *(parts if first else parts[::-1])), 422, "checksum-mismatch")


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ([], FILE),
        ([field_part("sha256", DIGEST)], FILE),
        ([field_part("file", "hello")], FILE),
        ([file_part(b"")], FILE),
        ([file_part(), file_part()], FILE),
        ([file_part(), part('; name="other"; filename="x"', b"x")], ("files", "/other")),
        ([part('; name="a/b"; filename="x"', b"x"), file_part()], ("files", "/a~1b")),
        ([file_part(), field_part("owner_id", NOBODYS)], ("form", "/owner_id")),
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
def test_wrong_form_is_pointed_at(ada: Api, parts: list[bytes], pointer: tuple[str, str]) -> None:
    assert pointers(problem(send(ada, *parts), 422, "validation-failed")) == {pointer}


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        CLOSING[:-4],
        file_part(),
        file_part() + b"--x",
        file_part()[:-9],
        part("", b"x") + CLOSING,
        b"--x\r\nContent-Type: text/plain\r\n\r\nx\r\n" + CLOSING,
        b"--x\r\n: :\r\n\r\n" + CLOSING,
        file_part() + field_part("sha256", b"\xff\xfe") + CLOSING,
        file_part().replace(b"--x", b"--y") + CLOSING.replace(b"x", b"y"),
    ],
    ids=lambda body: repr(body[-30:]),
)
def test_form_that_cannot_be_read_is_malformed(ada: Api, body: bytes) -> None:
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
    ids=["1,500 parts", "behind the file", "long field", "longer field", "long header"],
)
def test_form_beyond_measure_is_too_large(ada: Api, parts: list[bytes]) -> None:
    problem(send(ada, *parts), 413, "payload-too-large")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json", "multipart/mixed; boundary=x"])
def test_upload_of_another_type_is_unsupported(ada: Api, content_type: str) -> None:
    problem(send(ada, file_part(), content_type=content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize("boundary", ["", "; boundary=", f"; boundary={'x' * 71}"])
def test_form_without_usable_boundary_is_malformed(ada: Api, boundary: str) -> None:
    problem(send(ada, file_part(), content_type=f"multipart/form-data{boundary}"), 400, "malformed-request")


def test_compressed_form_is_unsupported(ada: Api) -> None:
    answer = send(ada, file_part(), headers={"Content-Encoding": "gzip"})
    problem(answer, 415, "unsupported-media-type")
