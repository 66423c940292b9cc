"""Fifty concurrent requests to two processes, some of which end sessions: none of the tokens in any response survives.

`tests/interleavings` tests the same for two requests, in every order of their statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from project.blueprints.auth import service as auth
from project.blueprints.auth.models import Session
from project.blueprints.auth.service.emailed_tokens import RESET_TOKEN
from project.infrastructure.clock import now
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success
from tests.kit.clients.race import Action, Round, outcomes, race
from tests.kit.clients.remote import run_concurrently
from tests.races.service import Service, in_rounds, unique

RACERS = 50
USERS = 5

pytestmark = pytest.mark.parametrize("service", ["postgresql"], indirect=True)


@dataclass(frozen=True)
class Rivals:
    """Nine requests with the outcomes in `expected`, and one that ends all sessions of a user but those in `kept`.

    `before_check` is called before the tokens are tried.
    """

    user: Api
    requests: Sequence[Action]
    end: Action
    expected: set[Any]
    kept: Sequence[Api] = ()
    before_check: Callable[[], object] = field(default=lambda: None)

    def actions(self) -> list[Action]:
        requests = [self.requests[number % len(self.requests)] for number in range(RACERS // USERS - 1)]
        # In the middle, so that it arrives among the others.
        return [*requests[:4], self.end, *requests[4:]]

    def check(self, service: Service, responses: Sequence[Any]) -> None:
        end = responses[4]
        assert end is None or end.status_code == 204
        assert outcomes([response for response in responses if response is not end]).keys() <= self.expected
        self.before_check()
        pairs = [response.json for response in responses if response is not end and response.status_code == 200]
        kept = {session.tokens["session_id"]: session.tokens for session in self.kept}
        ensure_dead(service.api, [self.user.tokens, *(pair for pair in pairs if pair["session_id"] not in kept)])
        for session_id, tokens in kept.items():
            ensure_one_generation(service.api, [pair for pair in pairs if pair["session_id"] == session_id] or [tokens])
        live = service.count_rows(Session, Session.user_id == UUID(self.user.user["id"]), Session.ended_at.is_(None))
        assert live == len(kept)


def race_rivals(service: Service, rounds: int, prepare: Callable[[Service], Rivals]) -> None:
    """Let the requests of several users race in each round."""

    def run() -> Round:
        groups = [prepare(service) for _ in range(USERS)]
        responses = yield [action for group in groups for action in group.actions()]
        size = RACERS // USERS
        for number, group in enumerate(groups):
            group.check(service, responses[number * size : (number + 1) * size])

    race(RACERS, rounds, run)


def ensure_dead(api: Api, pairs: Sequence[dict[str, Any]]) -> None:
    """Fail if any access token or refresh token is accepted."""
    for response in use_all(api, pairs):
        problem(response, 401, "token-revoked")
    for token in {pair["refresh_token"] for pair in pairs}:
        problem(refresh(api, token), 401, "refresh-token-invalid")


def ensure_one_generation(api: Api, pairs: Sequence[dict[str, Any]]) -> None:
    """Fail unless all access tokens are accepted, and the only refresh token can be exchanged for its successor."""
    for response in use_all(api, pairs):
        success(response)
    [token] = {pair["refresh_token"] for pair in pairs}
    [session_id, generation] = token.split(".")[:2]
    successor = success(refresh(api, token))["refresh_token"]
    assert successor.split(".")[:2] == [session_id, str(int(generation) + 1)]


def use_all(api: Api, pairs: Sequence[dict[str, Any]]) -> list[Any]:
    """Send a request with each access token; return the responses."""
    headers = [{"Authorization": f"Bearer {pair['access_token']}"} for pair in pairs]
    return run_concurrently([partial(api.get, "/auth/me", headers=each) for each in headers])


def refresh(api: Api, token: str) -> Any:
    return api.post("/auth/refresh", {"refresh_token": token})


def new_user(service: Service) -> Api:
    return service.api.as_new_user(f"{unique('user')}@example.com")


def refreshing(session: Api) -> Action:
    """Return an action: exchange the refresh token of this session."""
    return partial(refresh, Api(session.client), session.tokens["refresh_token"])


def logging_in(user: Api) -> Action:
    """Return an action: log in with the first password."""
    body = {"email": user.user["email"], "password": PASSWORD}
    return partial(Api(user.client).post, "/auth/login", body)


def changing_password(session: Api) -> Action:
    """Return an action: change the password, which ends the other sessions."""
    return partial(session.post, "/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})


def resetting_password(service: Service, user: Api) -> Action:
    """Return an action: choose a new password with the token from an email."""
    with service.app.app_context():
        auth.start_password_reset(user.user["email"], requested_at=now())
        token = RESET_TOKEN.issue(auth.get_user(UUID(user.user["id"])))
    body = {"token": token, "new_password": NEW_PASSWORD}
    return partial(Api(user.client).post, "/auth/password-reset/confirm", body)


def setting_status(service: Service, user: Api, status: str) -> Callable[[], None]:
    """Return an action: disable or enable the account.

    Not through the API: an administrator would affect the tests of the last one, which use the same database.
    """

    def act() -> None:
        with service.app.app_context():
            auth.update_access(UUID(user.user["id"]), actor_id=None, versions=None, status=status)

    return act


def refresh_and_log_out(service: Service) -> Rivals:
    user = new_user(service)
    return Rivals(user, [refreshing(user)], partial(user.post, "/auth/logout"), {200, "refresh-token-invalid"})


def refresh_and_change_password(service: Service) -> Rivals:
    user = new_user(service)
    own = user.with_new_session()
    refreshes = [refreshing(user), refreshing(own)]
    return Rivals(user, refreshes, changing_password(own), {200, "refresh-token-invalid"}, kept=[own])


def refresh_and_reset_password(service: Service) -> Rivals:
    user = new_user(service)
    refreshes = [refreshing(user), refreshing(user.with_new_session())]
    return Rivals(user, refreshes, resetting_password(service, user), {200, "refresh-token-invalid"})


def refresh_and_disable(service: Service) -> Rivals:
    user = new_user(service)
    refreshes = [refreshing(user), refreshing(user.with_new_session())]
    disable, enable = (setting_status(service, user, status) for status in ("disabled", "active"))
    return Rivals(user, refreshes, disable, {200, "refresh-token-invalid"}, before_check=enable)


def log_in_and_change_password(service: Service) -> Rivals:
    user = new_user(service)
    own = user.with_new_session()
    return Rivals(user, [logging_in(user)], changing_password(own), {200, "invalid-credentials"}, kept=[own])


def log_in_and_reset_password(service: Service) -> Rivals:
    user = new_user(service)
    return Rivals(user, [logging_in(user)], resetting_password(service, user), {200, "invalid-credentials"})


def log_in_and_disable(service: Service) -> Rivals:
    user = new_user(service)
    disable, enable = (setting_status(service, user, status) for status in ("disabled", "active"))
    return Rivals(user, [logging_in(user)], disable, {200, "account-disabled"}, before_check=enable)


RACES = [
    refresh_and_log_out,
    refresh_and_change_password,
    refresh_and_reset_password,
    refresh_and_disable,
    log_in_and_change_password,
    log_in_and_reset_password,
    log_in_and_disable,
]


@in_rounds
@pytest.mark.parametrize("prepare", RACES, ids=lambda prepare: prepare.__name__.replace("_", "-"))
def test_no_token_survives_the_end_of_its_session(
    service: Service, prepare: Callable[[Service], Rivals], rounds: int
) -> None:
    race_rivals(service, rounds, prepare)


@in_rounds
def test_concurrent_refreshes_return_tokens_of_one_generation(service: Service, rounds: int) -> None:
    def run() -> Round:
        responses = yield refreshing(new_user(service))
        assert outcomes(responses) == {200: RACERS}
        ensure_one_generation(service.api, [response.json for response in responses])

    race(RACERS, rounds, run)
