"""Fifty requests with one idempotency key at the same moment, at two processes: one effect, and one answer for all."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

import pytest
from werkzeug.wrappers import Response

from project.blueprints.organizations.models import Organization
from tests.kit.clients.api import problem
from tests.kit.clients.race import Round, outcomes, race
from tests.kit.clients.remote import run_concurrently
from tests.races import keyed_requests
from tests.races.keyed_requests import KeyedRequest, keyed
from tests.races.processes import WebProcesses, in_rounds, new

TWINS = 50
DEEDS = [keyed_requests.organization, keyed_requests.invitation, keyed_requests.registration, keyed_requests.upload]


def original(answers: Sequence[Response]) -> Response:
    """The answer that was not repeated, whose repetitions must be the same."""
    [first] = [one for one in answers if one.status_code == 201 and "Idempotency-Replayed" not in one.headers]
    for one in answers:
        if one.status_code == 201 and one is not first:
            ensure_repeated(one, first)
    return first


def ensure_repeated(answer: Response, first: Response) -> None:
    assert (answer.status_code, answer.data) == (201, first.data)
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert answer.headers.get("Location") == first.headers.get("Location")
    assert answer.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def ensure_told_to_wait(answers: Sequence[Response], web: WebProcesses) -> None:
    """Whoever got no 201 is told when to come again, and why."""
    for answer in answers:
        if answer.status_code == 503 and web.is_sqlite:
            problem(answer, 503, "service-unavailable")  # type: ignore[arg-type]
        elif answer.status_code != 201:
            problem(answer, 409, "idempotency-key-in-use")  # type: ignore[arg-type]
            assert not web.is_sqlite
        assert answer.status_code == 201 or int(answer.headers["Retry-After"]) >= 1


@in_rounds
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_fifty_twins_have_one_effect_and_one_answer(
    web: WebProcesses, deed: Callable[[WebProcesses], KeyedRequest], rounds: int
) -> None:
    def run() -> Round:
        done, key = deed(web), str(uuid4())
        answers = yield partial(done.send, key)
        ensure_told_to_wait(answers, web)
        first = original(answers)
        assert set(done.effects()) == {1}
        ensure_repeated(done.send(key), first)
        assert set(done.effects()) == {1}

    race(TWINS, rounds, run)


@in_rounds
def test_of_two_bodies_with_one_key_one_has_an_effect(web: WebProcesses, rounds: int) -> None:
    owner = web.api.signed_in(f"{new('owner')}@example.com")

    def run() -> Round:
        names, headers = [new("Left"), new("Right")], keyed(str(uuid4()))
        acts = [partial(owner.post, "/organizations", {"name": name}, headers=headers) for name in names]
        answers = yield acts
        assert original(answers).get_json()["name"] in names
        assert outcomes(answers).keys() <= {201, "idempotency-key-reused", "idempotency-key-in-use"}
        assert web.rows(Organization, Organization.name.in_(names)) == 1
        assert {act().status_code for act in acts} == {201, 422}

    race(20, rounds, run)


def test_a_key_is_its_callers_own(web: WebProcesses) -> None:
    owners, key = [web.api.signed_in(f"{new('owner')}@example.com") for _ in range(2)], str(uuid4())
    name = new("Shared")
    acts = [partial(owner.post, "/organizations", {"name": name}, headers=keyed(key)) for owner in owners]
    answers = run_concurrently(acts * 10)
    assert {original(answers[0::2]).data, original(answers[1::2]).data} == {act().data for act in acts}
    assert web.rows(Organization, Organization.name == name) == 2


def test_a_key_is_its_routes_own(web: WebProcesses) -> None:
    owner, headers, name = web.api.signed_in(f"{new('owner')}@example.com"), keyed(str(uuid4())), new("Routes")
    path = f"/organizations/{owner.organization(new('Hosts'))['id']}/invitations"
    guest = {"email": f"{new('guest')}@example.com", "role": "member"}
    acts = [partial(owner.post, "/organizations", {"name": name}), partial(owner.post, path, guest)]
    answers = run_concurrently([partial(act, headers=headers) for act in acts] * 10)
    assert original(answers[0::2]).get_json()["name"] == name
    assert original(answers[1::2]).get_json()["email"] == guest["email"]
