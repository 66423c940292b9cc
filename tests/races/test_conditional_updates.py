"""Twenty changes of one version of a thing at the same moment: one is made, and the others are told."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.kit.clients.api import Api, created, problem
from tests.kit.clients.race import Round, race
from tests.kit.clients.remote import run_concurrently
from tests.races.processes import WebProcesses, in_rounds, new

RIVALS = 20


def of_a_version(read: Callable[[], Any]) -> dict[str, str]:
    """The header that asks for the version that `read` answers with."""
    return {"If-Match": read().headers["ETag"]}


def one_wins(user: Api, path: str, member: str) -> Round:
    """Send rival values for `member`; the one that was taken must be the one that is there."""
    values, headers = [new("Rival") for _ in range(RIVALS)], of_a_version(partial(user.get, path))
    answers = yield [partial(user, "PATCH", path, json={member: value}, headers=headers) for value in values]
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    for number, answer in enumerate(answers):
        if number != winner:
            problem(answer, 412, "precondition-failed")
    after = user.get(path)
    assert created(after)[member] == created(answers[winner])[member] == values[winner]
    assert after.headers["ETag"] == answers[winner].headers["ETag"] != headers["If-Match"]


@in_rounds
def test_one_of_twenty_changes_an_account(web: WebProcesses, rounds: int) -> None:
    user = web.api.signed_in(f"{new('user')}@example.com")
    race(RIVALS, rounds, partial(one_wins, user, "/auth/me", "display_name"))


@in_rounds
def test_one_of_twenty_renames_a_file(web: WebProcesses, rounds: int) -> None:
    user = web.api.signed_in(f"{new('user')}@example.com")
    path = f"/files/{created(user.upload())['id']}"
    race(RIVALS, rounds, partial(one_wins, user, path, "filename"))


@in_rounds
def test_one_of_twenty_deletes_a_file(web: WebProcesses, rounds: int) -> None:
    user = web.api.signed_in(f"{new('user')}@example.com")

    def run() -> Round:
        path = f"/files/{created(user.upload())['id']}"
        answers = yield partial(user.delete, path, headers=of_a_version(partial(user.get, path)))
        statuses = Counter(one.status_code for one in answers)
        assert statuses.pop(204) == 1
        assert statuses.keys() <= {404, 412}
        assert created(user.get(path))["status"] == "trashed"

    race(RIVALS, rounds, run)


@in_rounds
def test_a_file_is_renamed_or_deleted_but_not_both(web: WebProcesses, rounds: int) -> None:
    user = web.api.signed_in(f"{new('user')}@example.com")

    def run() -> Round:
        file, name = created(user.upload()), new("Renamed")
        path = f"/files/{file['id']}"
        headers = of_a_version(partial(user.get, path))
        yield [
            partial(user, "PATCH", path, json={"filename": name}, headers=headers),
            partial(user.delete, path, headers=headers),
        ]
        after = created(user.get(path))
        assert (after["filename"], after["status"]) in {(name, "stored"), (file["filename"], "trashed")}

    race(RIVALS, rounds, run)


def test_one_version_is_counted_for_each_change(web: WebProcesses) -> None:
    user = web.api.signed_in(f"{new('user')}@example.com")
    path = f"/files/{created(user.upload())['id']}"
    before = _version(user, path)
    run_concurrently([partial(user, "PATCH", path, json={"filename": new("Any")}) for _ in range(RIVALS)])
    assert _version(user, path) == before + RIVALS


def _version(user: Api, path: str) -> int:
    return int(user.get(path).headers["ETag"].strip('"').partition("-")[0])
