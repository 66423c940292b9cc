"""Thirty requests at the same moment, at two processes: each rule holds as if they had come one after the other."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.kit.api import PASSWORD, Api, made
from tests.kit.remote import at_once

RACERS = 30

in_rounds = pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.full)])


def new(word: str) -> str:
    return f"{word}-{uuid4().hex[:12]}"


def race(act: Callable[[], Any]) -> Counter[Any]:
    """How often each outcome occurred: the code of a problem, or the status."""
    answers = at_once([act] * RACERS)
    return Counter((answer.get_json(force=True) or {}).get("code", answer.status_code) for answer in answers)


@in_rounds
def test_one_invitation_makes_one_member(api: Api, token_of: Callable[[str], str], rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    for _ in range(rounds):
        organization_id = owner.organization()["id"]
        guest = api.signed_in(f"{new('guest')}@example.com")
        token = token_of(owner.invitation(organization_id, guest.user["email"])["id"])
        outcomes = race(partial(guest.post, "/invitations/accept", {"token": token}))
        assert outcomes == {200: 1, "invitation-already-accepted": RACERS - 1}
        assert len(made(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2


@in_rounds
def test_one_invitation_makes_one_account(api: Api, token_of: Callable[[str], str], rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    for _ in range(rounds):
        organization_id = owner.organization()["id"]
        token = token_of(owner.invitation(organization_id, f"{new('guest')}@example.com")["id"])
        body = {"token": token, "password": PASSWORD, "display_name": "Guest"}
        outcomes = race(partial(api.post, "/invitations/register", body))
        assert outcomes == {201: 1, "email-taken": RACERS - 1}
        assert len(made(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2


@in_rounds
def test_one_address_makes_one_account(api: Api, rounds: int) -> None:
    for _ in range(rounds):
        body = {"email": f"{new('user')}@example.com", "password": PASSWORD}
        assert race(partial(api.post, "/auth/register", body)) == {201: 1, "email-taken": RACERS - 1}


@in_rounds
def test_one_refresh_token_makes_one_successor(api: Api, rounds: int) -> None:
    user = api.signed_in(f"{new('user')}@example.com")
    token = user.tokens["refresh_token"]
    for _ in range(rounds):
        answers = at_once([partial(api.post, "/auth/refresh", {"refresh_token": token})] * RACERS)
        [token] = {made(answer)["refresh_token"] for answer in answers}
    assert token.split(".")[1] == str(rounds + 1)


@in_rounds
def test_one_slug_makes_one_organization(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    for _ in range(rounds):
        body = {"name": "Engines", "slug": new("engines")}
        assert race(partial(owner.post, "/organizations", body)) == {201: 1, "slug-taken": RACERS - 1}
    assert len(made(owner.get("/organizations?limit=100"))["items"]) == rounds


@in_rounds
def test_organizations_of_one_name_all_get_a_slug(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    for _ in range(min(rounds, 10)):
        assert race(partial(owner.post, "/organizations", {"name": new("Same")})) == {201: RACERS}


@in_rounds
def test_one_address_has_one_pending_invitation(api: Api, rounds: int) -> None:
    owner = api.signed_in(f"{new('owner')}@example.com")
    path = f"/organizations/{owner.organization()['id']}/invitations"
    for number in range(rounds):
        body = {"email": f"{new('guest')}@example.com", "role": "member"}
        assert race(partial(owner.post, path, body)) == {201: 1, "invitation-pending": RACERS - 1}
        assert len(made(owner.get(f"{path}?status=pending&limit=100"))["items"]) == number + 1
