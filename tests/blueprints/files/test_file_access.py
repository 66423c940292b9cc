"""Who may see, list and discard files: the owner, or by their role the members of an organization."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import service
from tests.kit.clients.api import Api, created, pointers, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
NOBODYS = "01a20472-de38-71e6-9445-d8d74c06d560"
Join = Callable[..., Api]
ROUTES = [("GET", ""), ("DELETE", ""), ("GET", "/content"), ("HEAD", "/content"), ("GET", "/thumbnails/small")]


@pytest.fixture
def organization_id(ada: Api) -> str:
    return str(ada.organization()["id"])


@pytest.fixture
def picture(app: Flask, ada: Api) -> str:
    """The path of a picture of hers whose thumbnails are ready."""
    file = created(ada.upload(PNG, "cat.png"))
    with app.app_context():
        service.make_thumbnails(UUID(file["id"]))
    return f"/files/{file['id']}"


def ask(api: Api, path: str, method: str = "GET", **options: Any) -> Any:
    answer = api(method, path, **options)
    answer.get_data()
    answer.close()
    return answer


def listed(api: Api, **query: str) -> list[str]:
    return [item["id"] for item in created(api.get("/files", query_string=query))["items"]]


@ON_SQLITE
@pytest.mark.parametrize(("method", "below"), ROUTES)
def test_to_strangers_a_file_does_not_exist(ada: Api, picture: str, method: str, below: str) -> None:
    eve = ada.signed_in()
    hidden, absent = (
        ask(eve, f"{path}{below}", method, headers={"X-Request-ID": "same"}) for path in (picture, f"/files/{NOBODYS}")
    )
    assert hidden.status_code == absent.status_code == 404
    assert dict(hidden.headers) == dict(absent.headers)
    if method != "HEAD":
        assert problem(hidden, 404, "not-found") | {"instance": ""} == absent.json | {"instance": ""}


@ON_SQLITE
@pytest.mark.parametrize(("method", "below"), ROUTES)
def test_to_strangers_a_file_of_an_organization_does_not_exist(
    ada: Api, organization_id: str, method: str, below: str
) -> None:
    file = created(ada.upload(organization_id=organization_id))
    assert ask(ada.signed_in(), f"/files/{file['id']}{below}", method).status_code == 404


@pytest.mark.parametrize("role", ["member", "admin", "owner"])
@ON_SQLITE
def test_members_read_and_add_files_of_their_organization(
    ada: Api, join: Join, organization_id: str, role: str
) -> None:
    guest = join(ada, organization_id, role)
    file = created(ada.upload(b"ours", organization_id=organization_id))
    own = created(guest.upload(organization_id=organization_id))
    assert ask(guest, f"/files/{file['id']}/content").data == b"ours"
    assert listed(ada, organization_id=organization_id) == [own["id"], file["id"]]


@pytest.mark.parametrize(("role", "status"), [("member", 403), ("admin", 204), ("owner", 204)])
def test_who_runs_the_organization_discards_what_others_uploaded(
    ada: Api, join: Join, organization_id: str, role: str, status: int
) -> None:
    file = created(ada.upload(organization_id=organization_id))
    answer = join(ada, organization_id, role).delete(f"/files/{file['id']}")
    assert answer.status_code == status
    assert status == 204 or problem(answer, 403, "permission-denied")


@ON_SQLITE
def test_member_discards_what_is_their_own(ada: Api, join: Join, organization_id: str) -> None:
    guest = join(ada, organization_id)
    file = created(guest.upload(organization_id=organization_id))
    assert guest.delete(f"/files/{file['id']}").status_code == 204


def test_discarded_file_keeps_its_data_and_loses_its_content(ada: Api, picture: str) -> None:
    assert ada.delete(picture).status_code == 204
    file = created(ada.get(picture))
    assert (file["status"], file["trashed_at"][-1]) == ("trashed", "Z")
    for below in ("/content", "/thumbnails/small", "/thumbnails/large"):
        problem(ask(ada, f"{picture}{below}"), 404, "not-found")


@ON_SQLITE
def test_file_is_discarded_once(ada: Api, picture: str) -> None:
    ada.delete(picture)
    problem(ada.delete(picture), 404, "not-found")


def test_trash_of_an_organization_is_seen_by_who_may_empty_it(ada: Api, join: Join, organization_id: str) -> None:
    member, admin = join(ada, organization_id), join(ada, organization_id, "admin")
    files = [created(each.upload(organization_id=organization_id))["id"] for each in (ada, member)]
    for file_id in files:
        ada.delete(f"/files/{file_id}")
    seen = [listed(each, organization_id=organization_id, status="trashed") for each in (ada, admin, member)]
    assert seen == [files[::-1], files[::-1], files[1:]]
    problem(member.get(f"/files/{files[0]}"), 404, "not-found")
    assert created(member.get(f"/files/{files[1]}"))["status"] == "trashed"


def test_listing_without_organization_holds_personal_files_only(ada: Api, organization_id: str) -> None:
    personal = created(ada.upload())["id"]
    ada.upload(organization_id=organization_id)
    ada.signed_in().upload()
    assert listed(ada) == [personal]


def test_listing_filters_by_type_and_status(ada: Api) -> None:
    text, picture, gone = (created(ada.upload(content))["id"] for content in (b"hello", PNG, b"gone"))
    ada.delete(f"/files/{gone}")
    assert listed(ada) == [picture, text]
    assert listed(ada, content_type="image/png") == [picture]
    assert listed(ada, status="trashed") == [gone]
    assert listed(ada, status="trashed", content_type="image/png") == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=pending", "status"),
        ("status=", "status"),
        ("organization_id=x", "organization_id"),
        ("organization_id=", "organization_id"),
        ("content_type=%00", "content_type"),
        ("content_type=", "content_type"),
        ("owner_id=" + NOBODYS, "owner_id"),
    ],
)
def test_bad_filter_is_refused(ada: Api, query: str, name: str) -> None:
    assert pointers(problem(ada.get(f"/files?{query}"), 422, "validation-failed")) == {("query", f"/{name}")}


@ON_SQLITE
def test_files_of_an_organization_of_others_are_not_listed(ada: Api, organization_id: str) -> None:
    eve = ada.signed_in()
    for target in (organization_id, NOBODYS):
        problem(eve.get(f"/files?organization_id={target}"), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("size", ["small", "large"])
def test_thumbnail_is_a_webp_that_can_be_kept(ada: Api, picture: str, size: str) -> None:
    answer = ask(ada, f"{picture}/thumbnails/{size}")
    assert (answer.status_code, answer.mimetype, answer.data[8:12]) == (200, "image/webp", b"WEBP")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = ask(ada, f"{picture}/thumbnails/{size}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@ON_SQLITE
def test_file_says_when_its_thumbnails_are_ready(ada: Api, picture: str) -> None:
    assert created(ada.get(picture))["thumbnails"] == {"status": "ready", "sizes": ["small", "large"]}


@ON_SQLITE
@pytest.mark.parametrize("content", [PNG, b"hello"], ids=["pending", "unsupported"])
def test_thumbnail_that_is_not_there_is_not_found(ada: Api, content: bytes) -> None:
    file = created(ada.upload(content))
    problem(ask(ada, f"/files/{file['id']}/thumbnails/small"), 404, "not-found")


@ON_SQLITE
@pytest.mark.parametrize("size", ["medium", "..", "original", "%2e%2e%2foriginal", "small/x"])
def test_other_sizes_are_not_found(ada: Api, picture: str, size: str) -> None:
    problem(ask(ada, f"{picture}/thumbnails/{size}"), 404, "not-found")
