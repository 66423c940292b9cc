"""Versions of a thing: which tags name one, what is spared, and what is changed only as it was read."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import service as files
from project.blueprints.invitations import service as invitations
from tests.interruptions.flows import PICTURE
from tests.kit.clients.api import Api, created, problem

ME = "/auth/me"


@pytest.fixture
def tag(ada: Api) -> str:
    """The tag of the account as it is."""
    return ada.get(ME).headers["ETag"]


@pytest.fixture
def path(ada: Api) -> str:
    """The path of a new picture, whose thumbnails are still to be made."""
    return f"/files/{created(ada.upload(PICTURE, 'picture.png'))['id']}"


def parts(tag: str) -> tuple[str, str]:
    """The version, and what is behind it."""
    version, _, rest = tag.strip('"').partition("-")
    return version, rest


def rename(api: Api, if_match: str) -> int:
    return api("PATCH", ME, json={"display_name": "Ada"}, headers={"If-Match": if_match}).status_code


ALLOWING: list[Callable[[str], str]] = [
    lambda tag: tag,
    lambda _tag: "*",
    lambda tag: f'"other", {tag}',
    lambda tag: f'{tag},"other"',
    lambda tag: f'W/"other" , {tag} , W/{tag}',
    lambda tag: f"  {tag}  ",
]
RULING_OUT: list[Callable[[str], str]] = [
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
    lambda _tag: '"open',
    lambda _tag: "caf\u00e9",
]


@pytest.mark.parametrize("header", ALLOWING)
def test_a_change_of_the_version_that_was_read_is_made(ada: Api, tag: str, header: Callable[[str], str]) -> None:
    assert rename(ada, header(tag)) == 200


@pytest.mark.parametrize("header", RULING_OUT)
def test_a_condition_that_names_no_version_of_this_is_never_met(
    ada: Api, tag: str, header: Callable[[str], str]
) -> None:
    """Not even one that cannot be read: whoever sends it meant to set a condition."""
    assert rename(ada, header(tag)) == 412
    assert ada.get(ME).headers["ETag"] == tag


def test_without_a_condition_a_change_is_made(ada: Api, tag: str) -> None:
    assert ada("PATCH", ME, json={"display_name": "Ada"}).headers["ETag"] != tag


def test_a_version_that_was_changed_since_is_refused(ada: Api, tag: str) -> None:
    assert [rename(ada, tag), rename(ada, tag)] == [200, 412]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"filename": "x"}), ("DELETE", None)])
def test_a_tag_of_another_thing_of_the_same_version_is_refused(
    ada: Api, method: str, body: dict[str, str] | None
) -> None:
    one, other = (f"/files/{created(ada.upload())['id']}" for _ in range(2))
    tag = ada.get(other).headers["ETag"]
    assert parts(tag)[0] == parts(ada.get(one).headers["ETag"])[0]
    problem(ada(method, one, json=body, headers={"If-Match": tag}), 412, "precondition-failed")


def test_a_tag_of_another_callers_account_is_refused(shared_api: Api) -> None:
    """Both are at the same path, and of the same version."""
    ada, bob = shared_api.signed_in(), shared_api.signed_in()
    tag = bob.get(ME).headers["ETag"]
    assert parts(tag)[0] == parts(ada.get(ME).headers["ETag"])[0]
    assert [rename(ada, tag), rename(bob, tag)] == [412, 200]


@pytest.mark.parametrize("header", ["TAG", "*", "W/TAG", '"other", TAG', 'TAG,"other"', 'W/"other", W/TAG'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(ada: Api, tag: str, header: str, method: str) -> None:
    answer = ada(method, ME, headers={"If-None-Match": header.replace("TAG", tag)})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("header", ["", '"other"', 'W/"other"', "OPEN", "nonsense", '"*"'])
def test_what_the_client_has_not_is_sent(ada: Api, tag: str, header: str) -> None:
    answer = ada.get(ME, headers={"If-None-Match": header.replace("OPEN", tag[:-1])})
    assert (answer.status_code, answer.headers["ETag"]) == (200, tag)


def test_a_change_asks_nothing_of_what_the_client_has(ada: Api, tag: str) -> None:
    changed = ada("PATCH", ME, json={"display_name": "Ada"}, headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_a_head_has_the_headers_of_a_get(ada: Api, path: str) -> None:
    got, head = (ada(method, path, headers={"X-Request-ID": "mine"}) for method in ("GET", "HEAD"))
    assert (head.status_code, dict(head.headers), head.data) == (200, dict(got.headers), b"")


def test_a_change_answers_with_the_tag_that_reading_has(ada: Api, path: str) -> None:
    changed = ada("PATCH", path, json={"filename": "other.png"})
    assert ada.get(path).headers["ETag"] == changed.headers["ETag"]


def test_what_is_made_has_its_tag_from_reading_it(ada: Api) -> None:
    response = ada.upload()
    assert "ETag" not in response.headers


def test_progress_of_thumbnails_is_another_tag_of_the_same_version(shared_app: Flask, ada: Api, path: str) -> None:
    before = ada.get(path).headers["ETag"]
    with shared_app.app_context():
        files.make_thumbnails(UUID(path.rpartition("/")[2]))
    after = ada.get(path, headers={"If-None-Match": before})
    assert (after.status_code, created(after)["thumbnails"]["status"]) == (200, "ready")
    assert parts(after.headers["ETag"])[0] == parts(before)[0]
    assert ada("PATCH", path, json={"filename": "x.png"}, headers={"If-Match": before}).status_code == 200


def test_progress_of_a_delivery_is_another_tag_of_the_same_version(shared_app: Flask, ada: Api) -> None:
    collection = f"/organizations/{ada.organization()['id']}/invitations"
    invitation = created(ada.post(collection, {"email": "guest@example.com", "role": "member"}))
    before = ada.get(f"{collection}/{invitation['id']}").headers["ETag"]
    with shared_app.app_context():
        invitations.send_invitation(UUID(invitation["id"]))
    after = ada.get(f"{collection}/{invitation['id']}")
    assert created(after)["delivery"] == "sent"
    assert after.headers["ETag"] != before
    assert parts(after.headers["ETag"])[0] == parts(before)[0]
