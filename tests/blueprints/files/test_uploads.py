"""Uploads: accepted files, their names and types, size limits, and failures that leave nothing behind."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import delete

from project.app import create_app
from project.blueprints.files.models import File
from project.blueprints.files.service import UploadOptions, receive_upload, store_upload
from project.blueprints.organizations.models import Membership
from project.config import InvalidSettings, Settings
from project.errors import NotFound
from project.infrastructure.database import db, transaction
from tests.blueprints.files.raw_forms import field_part, file_part, part, send
from tests.kit.clients.api import Api, problem, success
from tests.kit.fixtures.jobs import list_jobs

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
DIGEST = hashlib.sha256(b"hello").hexdigest()
UNKNOWN_ID = "01a20472-de38-71e6-9445-d8d74c06d560"
Stored = Callable[[], tuple[list[Any], list[str]]]


def test_upload_response_describes_the_file(ada: Api) -> None:
    response = ada.upload(b"hello", "greeting.txt")
    file = success(response)
    assert response.headers["Location"] == f"http://localhost:8000/api/v1/files/{file['id']}"
    assert success(ada.get(f"/files/{file['id']}")) == file
    assert {name: file[name] for name in ("filename", "content_type", "size", "sha256", "status", "trashed_at")} == {
        "filename": "greeting.txt",
        "content_type": "text/plain",
        "size": 5,
        "sha256": DIGEST,
        "status": "stored",
        "trashed_at": None,
    }
    assert (file["owner_id"], file["organization_id"]) == (ada.user["id"], None)


@ON_SQLITE
def test_response_does_not_reveal_storage_key(ada: Api) -> None:
    assert "storage_key" not in success(ada.upload())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
@ON_SQLITE
def test_form_fields_are_accepted_in_any_order(ada: Api, order: tuple[int, ...]) -> None:
    organization_id = ada.organization()["id"]
    parts = [file_part(), field_part("organization_id", organization_id), field_part("sha256", DIGEST.upper())]
    file = success(send(ada, *(parts[index] for index in order)))
    assert (file["organization_id"], file["size"]) == (organization_id, 5)


def test_image_upload_queues_thumbnail_job(app: Flask, ada: Api) -> None:
    file = success(ada.upload(PNG, "cat.png"))
    assert file["thumbnails"] == {"status": "pending", "sizes": []}
    with app.app_context():
        assert [job.arguments for job in list_jobs("files.make_thumbnails")] == [{"file_id": file["id"]}]


@ON_SQLITE
def test_text_upload_queues_no_thumbnail_job(app: Flask, ada: Api) -> None:
    assert success(ada.upload())["thumbnails"] == {"status": "unsupported", "sizes": []}
    with app.app_context():
        assert list_jobs("files.make_thumbnails") == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("sent", "stored_as"),
    [
        ("../../etc/passwd", "passwd"),
        (r"..\\..\\x.txt", "x.txt"),
        (r"C:\\x.txt", "x.txt"),
        ("/etc/", "file"),
        ("a\x00b.txt", "ab.txt"),
        (".htaccess", "htaccess"),
        ("...", "file"),
        ("", "file"),
        (" ", "file"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("LPT1.tar.gz", "_LPT1.tar.gz"),
        ("exe\u202etxt.bat", "exetxt.bat"),
        ("a\x1b[31m.txt", "a[31m.txt"),
        ("a:b|c?d*e<f>.txt", "a_b_c_d_e_f_.txt"),
        ("zoe\u0308 李 👩.txt", "zo\u00eb 李 👩.txt"),
        ("x" * 5000 + ".txt", "x" * 251 + ".txt"),
        ("x" * 5000, "x" * 255),
        ("report.txt.", "report.txt"),
    ],
    ids=lambda name: ascii(name[:20]),
)
def test_filename_is_sanitized_and_not_used_as_storage_key(ada: Api, stored: Stored, sent: str, stored_as: str) -> None:
    assert success(send(ada, file_part(filename=sent)))["filename"] == stored_as
    (key,) = stored()[1]
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{32}/original", key)


@ON_SQLITE
def test_filename_encoded_according_to_rfc_8187_is_decoded(ada: Api) -> None:
    encoded = part("; name=\"file\"; filename*=UTF-8''na%C3%AFve%20plan.txt", b"hello")
    assert success(send(ada, encoded))["filename"] == "na\u00efve plan.txt"


@ON_SQLITE
def test_content_type_not_allowed_by_settings_is_rejected(
    ada: Api, stored: Stored, change_settings: Callable[..., None]
) -> None:
    change_settings(allowed_content_types=("image/png",))
    problem(ada.upload(b"hello"), 415, "file-type-not-allowed")
    assert success(ada.upload(PNG, "cat.txt"))["content_type"] == "image/png"


@ON_SQLITE
def test_settings_that_allow_an_unsupported_content_type_are_rejected(settings: Settings) -> None:
    with pytest.raises(InvalidSettings, match="ALLOWED_CONTENT_TYPES: not supported: image/x-raw"):
        create_app(settings.model_copy(update={"allowed_content_types": ("image/png", "image/x-raw")}))


@pytest.mark.parametrize(("size", "status"), [(10, 201), (11, 413), (600_000, 413)])
def test_file_larger_than_size_limit_is_rejected(
    ada: Api, stored: Stored, change_settings: Callable[..., None], size: int, status: int
) -> None:
    change_settings(max_file_bytes=10)
    response = ada.upload(b"x" * size)
    assert response.status_code == status
    if status == 413:
        problem(response, 413, "file-too-large")
        assert stored() == ([], [])


def test_upload_to_another_organization_returns_404(ada: Api, stored: Stored) -> None:
    organization_id = ada.organization()["id"]
    eve = ada.as_new_user()
    for target in (organization_id, UNKNOWN_ID):
        problem(eve.upload(organization_id=target), 404, "not-found")
    assert stored() == ([], [])


@ON_SQLITE
def test_upload_whose_row_was_purged_is_not_found(
    app: Flask, ada: Api, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = app.extensions["storage"]
    put = storage.put

    def put_and_purge_row(key: str, chunks: Iterable[bytes]) -> None:
        put(key, chunks)
        # Use a separate connection, as a worker would.
        with db.engine.begin() as connection:
            connection.execute(delete(File))

    monkeypatch.setattr(storage, "put", put_and_purge_row)
    problem(ada.upload(), 404, "not-found")
    assert stored() == ([], [])


@pytest.fixture
def organization_id(ada: Api) -> str:
    return str(ada.organization()["id"])


def remove_member(app: Flask, user_id: str) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(delete(Membership).where(Membership.user_id == UUID(user_id)))


@ON_SQLITE
def test_repeated_upload_stores_nothing_and_different_upload_is_rejected(ada: Api, stored: Stored) -> None:
    key = {"Idempotency-Key": "upload-1"}
    first = success(send(ada, file_part(), headers=key))
    before = stored()
    assert success(send(ada, file_part(), headers=key)) == first
    problem(send(ada, file_part(content=b"other"), headers=key), 422, "idempotency-key-reused")
    assert stored() == before


@ON_SQLITE
def test_upload_is_not_replayed_to_former_member(app: Flask, ada: Api, organization_id: str) -> None:
    parts, key = [file_part(), field_part("organization_id", organization_id)], {"Idempotency-Key": "upload-1"}
    success(send(ada, *parts, headers=key))
    remove_member(app, ada.user["id"])
    problem(send(ada, *parts, headers=key), 404, "not-found")


@ON_SQLITE
def test_upload_is_not_stored_if_membership_ends_while_it_is_received(
    app: Flask, ada: Api, stored: Stored, organization_id: str
) -> None:
    options = UploadOptions(UUID(organization_id), None)
    upload = {"owner_id": UUID(ada.user["id"]), "filename": "a.txt", "chunks": [b"hello"]}

    def receive_and_store() -> None:
        with receive_upload(**upload, read_options=lambda: options) as received:
            remove_member(app, ada.user["id"])
            store_upload(received)

    with app.app_context(), pytest.raises(NotFound):
        receive_and_store()
    assert stored() == ([], [])
