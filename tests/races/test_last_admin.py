"""Two admins demote each other concurrently: one of them always remains."""

from functools import partial
from uuid import UUID

import pytest

from project.config import Settings
from tests.kit.clients.api import Api, success
from tests.kit.clients.race import Round, outcomes, race
from tests.kit.fixtures.administrators import promote
from tests.kit.fixtures.apps import separate_app_context
from tests.races.service import in_rounds, unique

RACERS = 50


@pytest.fixture(scope="module")
def admins(api: Api, settings: Settings) -> list[Api]:
    """The only admins."""
    admins = [api.as_new_user(f"{unique('admin')}@example.com") for _ in range(2)]
    with separate_app_context(settings):
        for admin in admins:
            promote(UUID(admin.user["id"]))
    return admins


def update(admin: Api, user: Api, role: str) -> object:
    return admin("PATCH", f"/users/{user.user['id']}", json={"role": role})


@in_rounds
def test_one_of_two_admins_who_demote_each_other_remains(admins: list[Api], rounds: int) -> None:
    one, other = admins

    def run() -> Round:
        responses = yield [partial(update, one, other, "user"), partial(update, other, one, "user")]
        assert outcomes(responses).keys() <= {200, "last-admin", "permission-denied"}
        [remaining] = [admin for admin in admins if success(admin.get("/auth/me"))["role"] == "admin"]
        success(update(remaining, one if remaining is other else other, "admin"))

    race(RACERS, rounds, run)
