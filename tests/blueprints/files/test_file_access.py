"""File access: owners and, depending on their role, organization members can read, list and delete files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import repository, service
from project.blueprints.files.thumbnails import SIZES
from tests.kit.clients.api import Api, pointers, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
UNKNOWN_ID = "01a20472-de38-71e6-9445-d8d74c06d560"
Join = Callable[..., Api]
ROUTES = [("GET", ""), ("DELETE", ""), ("GET", "/content"), ("HEAD", "/content"), ("GET", "/thumbnails/small")]


@pytest.fixture
def organization_id(ada: Api) -> str:
    return str(ada.organization()["id"])


@pytest.fixture
def image_path(app: Flask, ada: Api) -> str:
    """The path of an image that Ada owns and whose thumbnails are ready."""
    file = success(ada.upload(PNG, "cat.png"))
    with app.app_context():
        service.make_thumbnails(UUID(file["id"]))
    return f"/files/{file['id']}"


def send(api: Api, path: str, method: str = "GET", **options: Any) -> Any:
    response = api(method, path, **options)
    response.get_data()
    response.close()
    return response


def list_ids(api: Api, **query: str) -> list[str]:
    return [item["id"] for item in success(api.get("/files", query_string=query))["items"]]


@ON_SQLITE
@pytest.mark.parametrize(("method", "change"), [("PATCH", "update_file"), ("DELETE", "trash_file")])
def test_file_that_is_trashed_during_a_change_is_not_found(
    ada: Api, image_path: str, monkeypatch: pytest.MonkeyPatch, method: str, change: str
) -> None:
    trash, original = repository.trash_file, getattr(repository, change)

    def change_after_another_request(file_id: UUID, *arguments: Any, **options: Any) -> Any:
        assert trash(file_id, None)
        return original(file_id, *arguments, **options)

    monkeypatch.setattr(repository, change, change_after_another_request)
    headers = {"If-Match": ada.get(image_path).headers["ETag"]}
    body = {"json": {"filename": "renamed.png"}} if method == "PATCH" else {}
    problem(ada(method, image_path, headers=headers, **body), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize(("method", "suffix"), ROUTES)
def test_file_is_not_found_for_other_users(ada: Api, image_path: str, method: str, suffix: str) -> None:
    eve = ada.as_new_user()
    hidden, absent = (
        send(eve, f"{path}{suffix}", method, headers={"X-Request-ID": "same"})
        for path in (image_path, f"/files/{UNKNOWN_ID}")
    )
    assert hidden.status_code == absent.status_code == 404
    assert dict(hidden.headers) == dict(absent.headers)
    if method != "HEAD":
        assert problem(hidden, 404, "not-found") | {"instance": ""} == absent.json | {"instance": ""}


@ON_SQLITE
@pytest.mark.parametrize(("method", "suffix"), ROUTES)
def test_organization_file_is_not_found_for_non_members(
    ada: Api, organization_id: str, method: str, suffix: str
) -> None:
    file = success(ada.upload(organization_id=organization_id))
    assert send(ada.as_new_user(), f"/files/{file['id']}{suffix}", method).status_code == 404


@pytest.mark.parametrize("role", ["member", "admin", "owner"])
@ON_SQLITE
def test_members_can_read_and_upload_organization_files(ada: Api, join: Join, organization_id: str, role: str) -> None:
    guest = join(ada, organization_id, role)
    file = success(ada.upload(b"shared", organization_id=organization_id))
    uploaded = success(guest.upload(organization_id=organization_id))
    assert send(guest, f"/files/{file['id']}/content").data == b"shared"
    assert list_ids(ada, organization_id=organization_id) == [uploaded["id"], file["id"]]


@pytest.mark.parametrize(("role", "status"), [("member", 403), ("admin", 204), ("owner", 204)])
def test_only_admins_and_owners_can_delete_files_of_other_members(
    ada: Api, join: Join, organization_id: str, role: str, status: int
) -> None:
    file = success(ada.upload(organization_id=organization_id))
    response = join(ada, organization_id, role).delete(f"/files/{file['id']}")
    assert response.status_code == status
    assert status == 204 or problem(response, 403, "permission-denied")


@ON_SQLITE
def test_member_can_delete_own_upload(ada: Api, join: Join, organization_id: str) -> None:
    guest = join(ada, organization_id)
    file = success(guest.upload(organization_id=organization_id))
    assert guest.delete(f"/files/{file['id']}").status_code == 204


def test_metadata_of_trashed_file_is_available_but_its_content_is_not(ada: Api, image_path: str) -> None:
    assert ada.delete(image_path).status_code == 204
    file = success(ada.get(image_path))
    assert (file["status"], file["trashed_at"][-1]) == ("trashed", "Z")
    for suffix in ("/content", *(f"/thumbnails/{size}" for size in SIZES)):
        problem(send(ada, f"{image_path}{suffix}"), 404, "not-found")


@ON_SQLITE
def test_deleting_a_file_twice_returns_404(ada: Api, image_path: str) -> None:
    ada.delete(image_path)
    problem(ada.delete(image_path), 404, "not-found")


def test_trashed_organization_file_is_visible_only_to_admins_owners_and_uploader(
    ada: Api, join: Join, organization_id: str
) -> None:
    member, admin = join(ada, organization_id), join(ada, organization_id, "admin")
    files = [success(user.upload(organization_id=organization_id))["id"] for user in (ada, member)]
    for file_id in files:
        ada.delete(f"/files/{file_id}")
    visible = [list_ids(user, organization_id=organization_id, status="trashed") for user in (ada, admin, member)]
    assert visible == [files[::-1], files[::-1], files[1:]]
    problem(member.get(f"/files/{files[0]}"), 404, "not-found")
    assert success(member.get(f"/files/{files[1]}"))["status"] == "trashed"


def test_listing_without_organization_filter_shows_only_personal_files(ada: Api, organization_id: str) -> None:
    personal = success(ada.upload())["id"]
    ada.upload(organization_id=organization_id)
    ada.as_new_user().upload()
    assert list_ids(ada) == [personal]


def test_files_can_be_filtered_by_type_and_status(ada: Api) -> None:
    text_id, image_id, trashed_id = (success(ada.upload(content))["id"] for content in (b"hello", PNG, b"deleted"))
    ada.delete(f"/files/{trashed_id}")
    assert list_ids(ada) == [image_id, text_id]
    assert list_ids(ada, content_type="image/png") == [image_id]
    assert list_ids(ada, status="trashed") == [trashed_id]
    assert list_ids(ada, status="trashed", content_type="image/png") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=pending", "status"),
        ("status=", "status"),
        ("organization_id=x", "organization_id"),
        ("organization_id=", "organization_id"),
        ("content_type=%00", "content_type"),
        ("content_type=", "content_type"),
        ("owner_id=" + UNKNOWN_ID, "owner_id"),
    ],
)
def test_invalid_filter_is_rejected(ada: Api, query: str, name: str) -> None:
    assert pointers(problem(ada.get(f"/files?{query}"), 422, "validation-failed")) == {("query", f"/{name}")}


@ON_SQLITE
def test_listing_files_of_another_organization_returns_404(ada: Api, organization_id: str) -> None:
    eve = ada.as_new_user()
    for target in (organization_id, UNKNOWN_ID):
        problem(eve.get(f"/files?organization_id={target}"), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("size", SIZES)
def test_thumbnail_is_served_as_cacheable_webp(ada: Api, image_path: str, size: str) -> None:
    response = send(ada, f"{image_path}/thumbnails/{size}")
    assert (response.status_code, response.mimetype, response.data[8:12]) == (200, "image/webp", b"WEBP")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    cached = send(ada, f"{image_path}/thumbnails/{size}", headers={"If-None-Match": response.headers["ETag"]})
    assert (cached.status_code, cached.data) == (304, b"")


@ON_SQLITE
def test_file_response_lists_thumbnails_that_are_ready(ada: Api, image_path: str) -> None:
    assert success(ada.get(image_path))["thumbnails"] == {"status": "ready", "sizes": list(SIZES)}


@ON_SQLITE
@pytest.mark.parametrize("content", [PNG, b"hello"], ids=["pending", "unsupported"])
def test_thumbnail_that_does_not_exist_returns_404(ada: Api, content: bytes) -> None:
    file = success(ada.upload(content))
    problem(send(ada, f"/files/{file['id']}/thumbnails/small"), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("size", ["unknown", "..", "original", "%2e%2e%2foriginal", "small/x"])
def test_unknown_thumbnail_size_returns_404(ada: Api, image_path: str, size: str) -> None:
    problem(send(ada, f"{image_path}/thumbnails/{size}"), 404, "not-found")
