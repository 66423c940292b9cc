"""Thirty concurrent requests to two processes: each rule holds as if the requests were sequential.

`tests/interleavings` tests the same rules for two requests, in every order of their statements.
"""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from tests.kit.clients.api import PASSWORD, Api, success
from tests.kit.clients.race import Round, outcomes, race

RACERS = 30
ROUNDS = 50

pytestmark = pytest.mark.full


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:12]}"


def test_accepting_an_invitation_concurrently_creates_one_membership(api: Api, token_of: Callable[[str], str]) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")

    def run() -> Round:
        organization_id = owner.organization()["id"]
        guest = api.as_new_user(f"{unique('guest')}@example.com")
        token = token_of(owner.invitation(organization_id, guest.user["email"])["id"])
        responses = yield partial(guest.post, "/invitations/accept", {"token": token})
        assert outcomes(responses) == {200: 1, "invitation-already-accepted": RACERS - 1}
        assert len(success(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2

    race(RACERS, ROUNDS, run)


def test_registering_concurrently_with_the_same_invitation_creates_one_account(
    api: Api, token_of: Callable[[str], str]
) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")

    def run() -> Round:
        organization_id = owner.organization()["id"]
        token = token_of(owner.invitation(organization_id, f"{unique('guest')}@example.com")["id"])
        body = {"token": token, "password": PASSWORD, "display_name": "Guest"}
        responses = yield partial(api.post, "/invitations/register", body)
        assert outcomes(responses) == {201: 1, "email-taken": RACERS - 1}
        assert len(success(owner.get(f"/organizations/{organization_id}/members"))["items"]) == 2

    race(RACERS, ROUNDS, run)


def test_registering_concurrently_with_the_same_email_creates_one_account(api: Api) -> None:
    def run() -> Round:
        body = {"email": f"{unique('user')}@example.com", "password": PASSWORD}
        responses = yield partial(api.post, "/auth/register", body)
        assert outcomes(responses) == {201: 1, "email-taken": RACERS - 1}

    race(RACERS, ROUNDS, run)


def test_concurrent_requests_for_the_same_slug_create_one_organization(api: Api) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")

    def run() -> Round:
        responses = yield partial(owner.post, "/organizations", {"name": "Engines", "slug": unique("engines")})
        assert outcomes(responses) == {201: 1, "slug-taken": RACERS - 1}

    race(RACERS, ROUNDS, run)
    assert len(success(owner.get("/organizations?limit=100"))["items"]) == ROUNDS


def test_organizations_created_concurrently_with_the_same_name_get_different_slugs(api: Api) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")

    def run() -> Round:
        responses = yield partial(owner.post, "/organizations", {"name": unique("Same")})
        assert outcomes(responses) == {201: RACERS}

    race(RACERS, 10, run)


def test_inviting_the_same_email_concurrently_creates_one_pending_invitation(api: Api) -> None:
    owner = api.as_new_user(f"{unique('owner')}@example.com")
    path = f"/organizations/{owner.organization()['id']}/invitations"

    def run() -> Round:
        responses = yield partial(owner.post, path, {"email": f"{unique('guest')}@example.com", "role": "member"})
        assert outcomes(responses) == {201: 1, "invitation-pending": RACERS - 1}

    race(RACERS, ROUNDS, run)
    assert len(success(owner.get(f"{path}?status=pending&limit=100"))["items"]) == ROUNDS
