"""Fifty concurrent requests to two processes with the same idempotency key have one effect and the same response."""

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
from tests.races.keyed_requests import KeyedRequest, idempotency_headers
from tests.races.service import Service, in_rounds, unique

DUPLICATES = 50
REQUESTS = [
    keyed_requests.organization,
    keyed_requests.invitation,
    keyed_requests.registration,
    keyed_requests.upload,
]


def original(responses: Sequence[Response]) -> Response:
    """Return the only response that is not a replay. Fails unless all replays match it."""
    successes = [response for response in responses if response.status_code == 201]
    [first] = [response for response in successes if "Idempotency-Replayed" not in response.headers]
    for response in successes:
        if response is not first:
            ensure_replayed(response, first)
    return first


def ensure_replayed(response: Response, first: Response) -> None:
    assert (response.status_code, response.data) == (201, first.data)
    assert response.headers["Idempotency-Replayed"] == "true"
    assert response.headers.get("Location") == first.headers.get("Location")
    assert response.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def ensure_failures_ask_to_retry(responses: Sequence[Response], service: Service) -> None:
    """Fail unless every response other than 201 has the expected problem code and a `Retry-After` header."""
    for response in responses:
        if response.status_code == 503 and service.is_sqlite:
            problem(response, 503, "service-unavailable")  # type: ignore[arg-type]
        elif response.status_code != 201:
            problem(response, 409, "idempotency-key-in-use")  # type: ignore[arg-type]
            assert not service.is_sqlite
        assert response.status_code == 201 or int(response.headers["Retry-After"]) >= 1


@in_rounds
@pytest.mark.parametrize("prepare", REQUESTS, ids=lambda prepare: prepare.__name__)
def test_fifty_duplicates_have_one_effect_and_the_same_response(
    service: Service, prepare: Callable[[Service], KeyedRequest], rounds: int
) -> None:
    def run() -> Round:
        request, key = prepare(service), str(uuid4())
        responses = yield partial(request.send, key)
        ensure_failures_ask_to_retry(responses, service)
        first = original(responses)
        assert set(request.effects()) == {1}
        ensure_replayed(request.send(key), first)
        assert set(request.effects()) == {1}

    race(DUPLICATES, rounds, run)


@in_rounds
def test_only_one_of_two_requests_with_same_key_but_different_bodies_takes_effect(
    service: Service, rounds: int
) -> None:
    owner = service.api.as_new_user(f"{unique('owner')}@example.com")

    def run() -> Round:
        names, headers = [unique("Left"), unique("Right")], idempotency_headers(str(uuid4()))
        actions = [partial(owner.post, "/organizations", {"name": name}, headers=headers) for name in names]
        responses = yield actions
        assert original(responses).get_json()["name"] in names
        assert outcomes(responses).keys() <= {201, "idempotency-key-reused", "idempotency-key-in-use"}
        assert service.count_rows(Organization, Organization.name.in_(names)) == 1
        assert {action().status_code for action in actions} == {201, 422}

    race(20, rounds, run)


def test_requests_from_two_callers_with_the_same_key_are_independent(service: Service) -> None:
    owners, key = [service.api.as_new_user(f"{unique('owner')}@example.com") for _ in range(2)], str(uuid4())
    name, headers = unique("Shared"), idempotency_headers(key)
    actions = [partial(owner.post, "/organizations", {"name": name}, headers=headers) for owner in owners]
    responses = run_concurrently(actions * 10)
    assert {original(responses[0::2]).data, original(responses[1::2]).data} == {action().data for action in actions}
    assert service.count_rows(Organization, Organization.name == name) == 2


def test_requests_to_two_routes_with_the_same_key_are_independent(service: Service) -> None:
    owner, headers = service.api.as_new_user(f"{unique('owner')}@example.com"), idempotency_headers(str(uuid4()))
    name = unique("Routes")
    path = f"/organizations/{owner.organization(unique('Hosts'))['id']}/invitations"
    guest = {"email": f"{unique('guest')}@example.com", "role": "member"}
    actions = [partial(owner.post, "/organizations", {"name": name}), partial(owner.post, path, guest)]
    responses = run_concurrently([partial(action, headers=headers) for action in actions] * 10)
    assert original(responses[0::2]).get_json()["name"] == name
    assert original(responses[1::2]).get_json()["email"] == guest["email"]
