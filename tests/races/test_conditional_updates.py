"""Twenty changes of one version of a thing at the same moment: one is made, and the others are told."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.kit.api import Api, made, problem
from tests.kit.remote import at_once
from tests.races.arena import Arena, in_rounds, new

RIVALS = 20


def of_a_version(read: Callable[[], Any]) -> dict[str, str]:
    """The header that asks for the version that `read` answers with."""
    return {"If-Match": read().headers["ETag"]}


def ensure_one_won(user: Api, path: str, member: str, headers: dict[str, str]) -> None:
    """Send rival values for `member`; the one that was taken must be the one that is there."""
    values = [new("Rival") for _ in range(RIVALS)]
    answers = at_once([partial(user, "PATCH", path, json={member: value}, headers=headers) for value in values])
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    for number, answer in enumerate(answers):
        if number != winner:
            problem(answer, 412, "precondition-failed")
    after = user.get(path)
    assert made(after)[member] == made(answers[winner])[member] == values[winner]
    assert after.headers["ETag"] == answers[winner].headers["ETag"] != headers["If-Match"]


@in_rounds
def test_one_of_twenty_changes_an_account(arena: Arena, rounds: int) -> None:
    user = arena.api.signed_in(f"{new('user')}@example.com")
    for _ in range(rounds):
        ensure_one_won(user, "/auth/me", "display_name", of_a_version(partial(user.get, "/auth/me")))


@in_rounds
def test_one_of_twenty_renames_a_file(arena: Arena, rounds: int) -> None:
    user = arena.api.signed_in(f"{new('user')}@example.com")
    path = f"/files/{made(user.upload())['id']}"
    for _ in range(rounds):
        ensure_one_won(user, path, "filename", of_a_version(partial(user.get, path)))


@in_rounds
def test_one_of_twenty_deletes_a_file(arena: Arena, rounds: int) -> None:
    user = arena.api.signed_in(f"{new('user')}@example.com")
    for _ in range(rounds):
        path = f"/files/{made(user.upload())['id']}"
        headers = of_a_version(partial(user.get, path))
        outcomes = Counter(one.status_code for one in at_once([partial(user.delete, path, headers=headers)] * RIVALS))
        assert outcomes.pop(204) == 1
        assert outcomes.keys() <= {404, 412}
        assert made(user.get(path))["status"] == "trashed"


@in_rounds
def test_a_file_is_renamed_or_deleted_but_not_both(arena: Arena, rounds: int) -> None:
    user = arena.api.signed_in(f"{new('user')}@example.com")
    for _ in range(rounds):
        file, name = made(user.upload()), new("Renamed")
        path = f"/files/{file['id']}"
        headers = of_a_version(partial(user.get, path))
        rename = partial(user, "PATCH", path, json={"filename": name}, headers=headers)
        at_once([rename, partial(user.delete, path, headers=headers)] * (RIVALS // 2))
        after = made(user.get(path))
        assert (after["filename"], after["status"]) in {(name, "stored"), (file["filename"], "trashed")}


def test_one_version_is_counted_for_each_change(arena: Arena) -> None:
    user = arena.api.signed_in(f"{new('user')}@example.com")
    path = f"/files/{made(user.upload())['id']}"
    before = _version(user, path)
    at_once([partial(user, "PATCH", path, json={"filename": new("Any")}) for _ in range(RIVALS)])
    assert _version(user, path) == before + RIVALS


def _version(user: Api, path: str) -> int:
    return int(user.get(path).headers["ETag"].strip('"').partition("-")[0])
