"""Of twenty concurrent changes to the same resource version, one succeeds and the others are rejected.

`tests/interleavings` tests the same for two changes, in every order of their statements.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.kit.clients.api import Api, problem, success
from tests.kit.clients.race import Round, race
from tests.kit.clients.remote import run_concurrently
from tests.races.service import Service, unique

RIVALS = 20
ROUNDS = 100

pytestmark = pytest.mark.timeout(1800)


def if_match(get: Callable[[], Any]) -> dict[str, str]:
    """Return an `If-Match` header with the ETag of the response to `get`."""
    return {"If-Match": get().headers["ETag"]}


def concurrent_patches(user: Api, path: str, member: str) -> Round:
    """Send different values for `member`. Exactly one request must succeed, and its value must be stored."""
    values, headers = [unique("Rival") for _ in range(RIVALS)], if_match(partial(user.get, path))
    responses = yield [partial(user, "PATCH", path, json={member: value}, headers=headers) for value in values]
    [winner] = [number for number, response in enumerate(responses) if response.status_code == 200]
    for number, response in enumerate(responses):
        if number != winner:
            problem(response, 412, "precondition-failed")
    after = user.get(path)
    assert success(after)[member] == success(responses[winner])[member] == values[winner]
    assert after.headers["ETag"] == responses[winner].headers["ETag"] != headers["If-Match"]


@pytest.mark.full
def test_only_one_of_twenty_concurrent_account_changes_succeeds(service: Service) -> None:
    user = service.api.as_new_user(f"{unique('user')}@example.com")
    race(RIVALS, ROUNDS, partial(concurrent_patches, user, "/auth/me", "display_name"))


@pytest.mark.full
def test_only_one_of_twenty_concurrent_file_renames_succeeds(service: Service) -> None:
    user = service.api.as_new_user(f"{unique('user')}@example.com")
    path = f"/files/{success(user.upload())['id']}"
    race(RIVALS, ROUNDS, partial(concurrent_patches, user, path, "filename"))


@pytest.mark.full
def test_only_one_of_twenty_concurrent_file_deletions_succeeds(service: Service) -> None:
    user = service.api.as_new_user(f"{unique('user')}@example.com")

    def run() -> Round:
        path = f"/files/{success(user.upload())['id']}"
        responses = yield partial(user.delete, path, headers=if_match(partial(user.get, path)))
        statuses = Counter(response.status_code for response in responses)
        assert statuses.pop(204) == 1
        assert statuses.keys() <= {404, 412}
        assert success(user.get(path))["status"] == "trashed"

    race(RIVALS, ROUNDS, run)


@pytest.mark.full
def test_concurrent_rename_and_deletion_of_a_file_cannot_both_succeed(service: Service) -> None:
    user = service.api.as_new_user(f"{unique('user')}@example.com")

    def run() -> Round:
        file, name = success(user.upload()), unique("Renamed")
        path = f"/files/{file['id']}"
        headers = if_match(partial(user.get, path))
        yield [
            partial(user, "PATCH", path, json={"filename": name}, headers=headers),
            partial(user.delete, path, headers=headers),
        ]
        after = success(user.get(path))
        assert (after["filename"], after["status"]) in {(name, "stored"), (file["filename"], "trashed")}

    race(RIVALS, ROUNDS, run)


def test_each_concurrent_change_increments_the_version(service: Service) -> None:
    user = service.api.as_new_user(f"{unique('user')}@example.com")
    path = f"/files/{success(user.upload())['id']}"
    before = _version(user, path)
    run_concurrently([partial(user, "PATCH", path, json={"filename": unique("Any")}) for _ in range(RIVALS)])
    assert _version(user, path) == before + RIVALS


def _version(user: Api, path: str) -> int:
    return int(user.get(path).headers["ETag"].strip('"').partition("-")[0])
