"""Thirty requests at the same moment, at two processes: each rule holds as if they had come one after the other."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from tests.kit.clients.api import PASSWORD, Api, created
from tests.kit.clients.race import Round, outcomes, race

RACERS = 30

in_rounds = pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.full)])


def new(word: str) -> str:
    return f"{word}-{uuid4().hex[:12]}"


@in_rounds
def test_one_invitation_makes_one_member(api: Api, token_of: Callable[[str], str], rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")

    def run() -> Round:
        organization_id = owner.organization()["id"]
        guest = api.signed_in(f"{new('guest')}@example.com")
        token = token_of(owner.invitation(organization_id, guest.user["email"])["id"])
        answers = yield partial(guest.post, "/invitations/accept", {"token": token})
        assert outcomes(answers) == {200: 1, "invitation-already-accepted": RACERS - 1}
        assert len(created(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2

    race(RACERS, rounds, run)


@in_rounds
def test_one_invitation_makes_one_account(api: Api, token_of: Callable[[str], str], rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")

    def run() -> Round:
        organization_id = owner.organization()["id"]
        token = token_of(owner.invitation(organization_id, f"{new('guest')}@example.com")["id"])
        body = {"token": token, "password": PASSWORD, "display_name": "Guest"}
        answers = yield partial(api.post, "/invitations/register", body)
        assert outcomes(answers) == {201: 1, "email-taken": RACERS - 1}
        assert len(created(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2

    race(RACERS, rounds, run)


@in_rounds
def test_one_address_makes_one_account(api: Api, rounds: int) -> None:
    def run() -> Round:
        body = {"email": f"{new('user')}@example.com", "password": PASSWORD}
        answers = yield partial(api.post, "/auth/register", body)
        assert outcomes(answers) == {201: 1, "email-taken": RACERS - 1}

    race(RACERS, rounds, run)


@in_rounds
def test_one_refresh_token_makes_one_successor(api: Api, rounds: int) -> None:
    tokens = [api.signed_in(f"{new('user')}@example.com").tokens["refresh_token"]]

    def run() -> Round:
        answers = yield partial(api.post, "/auth/refresh", {"refresh_token": tokens[-1]})
        [successor] = {created(answer)["refresh_token"] for answer in answers}
        tokens.append(successor)

    race(RACERS, rounds, run)
    assert tokens[-1].split(".")[1] == str(rounds + 1)


@in_rounds
def test_one_slug_makes_one_organization(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")

    def run() -> Round:
        answers = yield partial(owner.post, "/organizations", {"name": "Engines", "slug": new("engines")})
        assert outcomes(answers) == {201: 1, "slug-taken": RACERS - 1}

    race(RACERS, rounds, run)
    assert len(created(owner.get("/organizations?limit=100"))["items"]) == rounds


@in_rounds
def test_organizations_of_one_name_all_get_a_slug(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")

    def run() -> Round:
        answers = yield partial(owner.post, "/organizations", {"name": new("Same")})
        assert outcomes(answers) == {201: RACERS}

    race(RACERS, min(rounds, 10), run)


@in_rounds
def test_one_address_has_one_pending_invitation(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    path = f"/organizations/{owner.organization()['id']}/invitations"

    def run() -> Round:
        answers = yield partial(owner.post, path, {"email": f"{new('guest')}@example.com", "role": "member"})
        assert outcomes(answers) == {201: 1, "invitation-pending": RACERS - 1}

    race(RACERS, rounds, run)
    assert len(created(owner.get(f"{path}?status=pending&limit=100"))["items"]) == rounds
