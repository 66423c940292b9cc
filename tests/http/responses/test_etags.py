"""ETags: tag matching, conditional reads, and conditional updates."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import service as files
from project.blueprints.invitations import service as invitations
from tests.interruptions.flows import PICTURE
from tests.kit.clients.api import Api, problem, success

ME = "/auth/me"


@pytest.fixture
def tag(ada: Api) -> str:
    """The current ETag of Ada's account."""
    return ada.get(ME).headers["ETag"]


@pytest.fixture
def path(ada: Api) -> str:
    """The path of a new image whose thumbnails are pending."""
    return f"/files/{success(ada.upload(PICTURE, 'picture.png'))['id']}"


def parts(tag: str) -> tuple[str, str]:
    """Return the version in a tag and the rest of the tag."""
    version, _, rest = tag.strip('"').partition("-")
    return version, rest


def rename(api: Api, if_match: str) -> int:
    return api("PATCH", ME, json={"display_name": "Ada"}, headers={"If-Match": if_match}).status_code


MATCHING: list[Callable[[str], str]] = [
    lambda tag: tag,
    lambda _tag: "*",
    lambda tag: f'"other", {tag}',
    lambda tag: f'{tag},"other"',
    lambda tag: f'W/"other" , {tag} , W/{tag}',
    lambda tag: f"  {tag}  ",
]
NOT_MATCHING: list[Callable[[str], str]] = [
    lambda _tag: "",
    lambda _tag: '""',
    lambda _tag: '"other"',
    lambda tag: f"W/{tag}",
    lambda tag: f'W/{tag}, "other"',
    lambda tag: tag.upper(),
    lambda tag: f'"{tag}"',
    lambda tag: tag[:-2] + '"',
    lambda tag: tag.replace('"', '"0', 1),
    lambda tag: f'"{parts(tag)[0]}"',
    lambda tag: f'"{int(parts(tag)[0]) + 1}-{parts(tag)[1]}"',
    lambda tag: f'"{int(parts(tag)[0]) - 1}-{parts(tag)[1]}"',
    lambda _tag: f'"{"9" * 40}-{"0" * 80}"',
    lambda _tag: ",,",
    lambda _tag: "not a tag",
    lambda _tag: '"unclosed',
    lambda _tag: "caf\u00e9",
]


@pytest.mark.parametrize("header", MATCHING)
def test_update_with_matching_if_match_is_applied(ada: Api, tag: str, header: Callable[[str], str]) -> None:
    assert rename(ada, header(tag)) == 200


@pytest.mark.parametrize("header", NOT_MATCHING)
def test_update_with_non_matching_if_match_is_rejected(ada: Api, tag: str, header: Callable[[str], str]) -> None:
    """A condition that cannot be parsed also counts as not met, because the client intended to set a condition."""
    assert rename(ada, header(tag)) == 412
    assert ada.get(ME).headers["ETag"] == tag


def test_update_without_if_match_is_applied(ada: Api, tag: str) -> None:
    assert ada("PATCH", ME, json={"display_name": "Ada"}).headers["ETag"] != tag


def test_update_of_outdated_version_is_rejected(ada: Api, tag: str) -> None:
    assert [rename(ada, tag), rename(ada, tag)] == [200, 412]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"filename": "x"}), ("DELETE", None)])
def test_etag_of_another_file_with_the_same_version_is_rejected(
    ada: Api, method: str, body: dict[str, str] | None
) -> None:
    path, other_path = (f"/files/{success(ada.upload())['id']}" for _ in range(2))
    tag = ada.get(other_path).headers["ETag"]
    assert parts(tag)[0] == parts(ada.get(path).headers["ETag"])[0]
    problem(ada(method, path, json=body, headers={"If-Match": tag}), 412, "precondition-failed")


def test_etag_of_another_account_is_rejected(shared_api: Api) -> None:
    """Both accounts have the same path and the same version."""
    ada, bob = shared_api.as_new_user(), shared_api.as_new_user()
    tag = bob.get(ME).headers["ETag"]
    assert parts(tag)[0] == parts(ada.get(ME).headers["ETag"])[0]
    assert [rename(ada, tag), rename(bob, tag)] == [412, 200]


@pytest.mark.parametrize("header", ["TAG", "*", "W/TAG", '"other", TAG', 'TAG,"other"', 'W/"other", W/TAG'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_read_with_matching_if_none_match_returns_304(ada: Api, tag: str, header: str, method: str) -> None:
    response = ada(method, ME, headers={"If-None-Match": header.replace("TAG", tag)})
    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", tag)
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize("header", ["", '"other"', 'W/"other"', "UNCLOSED", "nonsense", '"*"'])
def test_read_with_non_matching_if_none_match_returns_content(ada: Api, tag: str, header: str) -> None:
    response = ada.get(ME, headers={"If-None-Match": header.replace("UNCLOSED", tag[:-1])})
    assert (response.status_code, response.headers["ETag"]) == (200, tag)


def test_update_ignores_if_none_match(ada: Api, tag: str) -> None:
    changed = ada("PATCH", ME, json={"display_name": "Ada"}, headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_head_response_has_the_same_headers_as_get_response(ada: Api, path: str) -> None:
    get, head = (ada(method, path, headers={"X-Request-ID": "mine"}) for method in ("GET", "HEAD"))
    assert (head.status_code, dict(head.headers), head.data) == (200, dict(get.headers), b"")


def test_update_returns_the_same_etag_as_a_later_get(ada: Api, path: str) -> None:
    changed = ada("PATCH", path, json={"filename": "other.png"})
    assert ada.get(path).headers["ETag"] == changed.headers["ETag"]


def test_creation_response_has_no_etag(ada: Api) -> None:
    response = ada.upload()
    assert "ETag" not in response.headers


def test_making_thumbnails_changes_the_etag_but_not_the_version(shared_app: Flask, ada: Api, path: str) -> None:
    before = ada.get(path).headers["ETag"]
    with shared_app.app_context():
        files.make_thumbnails(UUID(path.rpartition("/")[2]))
    after = ada.get(path, headers={"If-None-Match": before})
    assert (after.status_code, success(after)["thumbnails"]["status"]) == (200, "ready")
    assert parts(after.headers["ETag"])[0] == parts(before)[0]
    assert ada("PATCH", path, json={"filename": "x.png"}, headers={"If-Match": before}).status_code == 200


def test_sending_an_invitation_changes_the_etag_but_not_the_version(shared_app: Flask, ada: Api) -> None:
    collection = f"/organizations/{ada.organization()['id']}/invitations"
    invitation = success(ada.post(collection, {"email": "guest@example.com", "role": "member"}))
    before = ada.get(f"{collection}/{invitation['id']}").headers["ETag"]
    with shared_app.app_context():
        invitations.send_invitation(UUID(invitation["id"]))
    after = ada.get(f"{collection}/{invitation['id']}")
    assert success(after)["delivery"] == "sent"
    assert after.headers["ETag"] != before
    assert parts(after.headers["ETag"])[0] == parts(before)[0]
