"""Fifty concurrent requests to two processes, some of which end sessions: none of the tokens in any response survives.

`tests/interleavings` tests the same for two requests, in every order of their statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from werkzeug.wrappers import Response

from project.blueprints.auth import service as auth
from project.blueprints.auth.service.emailed_tokens import RESET_TOKEN
from project.infrastructure.clock import now
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success
from tests.kit.clients.race import Action, Round, outcomes, race
from tests.kit.clients.remote import run_concurrently
from tests.races.service import Service, in_rounds, unique

RACERS = 50
USERS = 5
GROUP = RACERS // USERS
END = 4  # in the middle of a group, so that the request arrives among the others

pytestmark = pytest.mark.parametrize("service", ["postgresql"], indirect=True)


@dataclass(frozen=True)
class Rivals:
    """Nine requests with the outcomes in `expected`, and one that ends all sessions of their user, apart from `kept`.

    `sessions` are the others that were opened before. `before_check` is called before the tokens are tried.
    """

    sessions: Sequence[Api]
    requests: Sequence[Action]
    end: Action
    expected: set[Any]
    kept: Api | None = None
    before_check: Action | None = None

    def actions(self) -> list[Action]:
        actions = [self.requests[number % len(self.requests)] for number in range(GROUP)]
        actions[END] = self.end
        return actions

    def check(self, service: Service, responses: Sequence[Any]) -> None:
        others = [*responses[:END], *responses[END + 1 :]]
        assert responses[END].status_code == 204
        assert outcomes(others).keys() <= self.expected
        if self.before_check:
            self.before_check()
        pairs = [response.json for response in others if response.status_code == 200]
        kept_id = self.kept and self.kept.tokens["session_id"]
        ended = [pair for pair in pairs if pair["session_id"] != kept_id]
        ensure_dead(service.api, [*ended, *(session.tokens for session in self.sessions)])
        if self.kept:
            kept = [pair for pair in pairs if pair["session_id"] == kept_id]
            ensure_one_generation(service.api, kept or [self.kept.tokens])


def race_rivals(service: Service, rounds: int, prepare: Callable[[Service], Rivals]) -> None:
    """Let the requests of several users race in each round."""

    def run() -> Round:
        groups = [prepare(service) for _ in range(USERS)]
        responses = yield [action for group in groups for action in group.actions()]
        for number, group in enumerate(groups):
            group.check(service, responses[number * GROUP : (number + 1) * GROUP])

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


def two_sessions(service: Service) -> list[Api]:
    user = new_user(service)
    return [user, user.with_new_session()]


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


def setting_status(service: Service, user: Api, status: str) -> Action:
    """Return an action: disable or enable the account.

    Not through the API: an administrator would affect the tests of the last one, which use the same database.
    """

    def act() -> Response:
        with service.app.app_context():
            auth.update_access(UUID(user.user["id"]), actor_id=None, versions=None, status=status)
        return Response(status=204)

    return act


def refresh_and_log_out(service: Service) -> Rivals:
    user = new_user(service)
    return Rivals([user], [refreshing(user)], partial(user.post, "/auth/logout"), {200, "refresh-token-invalid"})


def refresh_and_change_password(service: Service) -> Rivals:
    other, own = two_sessions(service)
    refreshes = [refreshing(other), refreshing(own)]
    return Rivals([other], refreshes, changing_password(own), {200, "refresh-token-invalid"}, kept=own)


def refresh_and_reset_password(service: Service) -> Rivals:
    sessions = two_sessions(service)
    reset = resetting_password(service, sessions[0])
    return Rivals(sessions, [refreshing(session) for session in sessions], reset, {200, "refresh-token-invalid"})


def refresh_and_disable(service: Service) -> Rivals:
    sessions = two_sessions(service)
    disable, enable = (setting_status(service, sessions[0], status) for status in ("disabled", "active"))
    refreshes = [refreshing(session) for session in sessions]
    return Rivals(sessions, refreshes, disable, {200, "refresh-token-invalid"}, before_check=enable)


def log_in_and_change_password(service: Service) -> Rivals:
    other, own = two_sessions(service)
    return Rivals([other], [logging_in(other)], changing_password(own), {200, "invalid-credentials"}, kept=own)


def log_in_and_reset_password(service: Service) -> Rivals:
    user = new_user(service)
    return Rivals([user], [logging_in(user)], resetting_password(service, user), {200, "invalid-credentials"})


def log_in_and_disable(service: Service) -> Rivals:
    user = new_user(service)
    disable, enable = (setting_status(service, user, status) for status in ("disabled", "active"))
    return Rivals([user], [logging_in(user)], disable, {200, "account-disabled"}, before_check=enable)


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
