"""The sessions of a user under random sequences of actions, compared with a small model."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from flask import Flask
from hypothesis import Phase
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from
from werkzeug.test import TestResponse

from project.blueprints.auth import service
from project.blueprints.auth.service.emailed_tokens import RESET_TOKEN
from project.config import Settings
from project.infrastructure import clock
from project.infrastructure.clock import now
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api
from tests.state_machines.session_defects import DEFECTS, Defect
from tests.state_machines.session_model import GRACE, IDLE, MAX_AGE, Model
from tests.state_machines.session_tokens import Tokens
from tests.state_machines.state_machine import StateMachine, problem_of

# Some sums of these are exactly the grace period, the idle timeout or the maximum age.
DURATIONS = [GRACE, timedelta(seconds=11), IDLE - GRACE]
ENDINGS = [
    "log out",
    "log out everywhere",
    "end another session",
    "change password",
    "reset password",
    "disable or enable",
]


class Clock(datetime):
    """A clock that stands still, except when the state machine lets time pass."""

    time = datetime.now(clock.UTC)

    @classmethod
    def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
        return cls.time


class SessionMachine(StateMachine):
    """Ada logs in on several devices. Her clients may use any tokens that they have received, also replaced ones."""

    tokens = Bundle("tokens")

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app, self.api = app, Api(app.test_client())
        self.user = self.api.register()
        self.user_id = UUID(self.user["id"])
        self.password, self.other_password = PASSWORD, NEW_PASSWORD
        self.is_enabled = True
        self.models: dict[str, Model] = {}
        self.issued: list[Tokens] = []
        self.newest: dict[str, Tokens] = {}

    # Without an initial refresh, few examples would get beyond one.
    @initialize(target=tokens)
    def log_in_and_refresh(self) -> Any:
        first = self.open_session()
        return multiple(first, self.rotate(first))

    @rule(target=tokens)
    def log_in(self) -> Any:
        return self.open_session()

    @rule(target=tokens, session=tokens)
    def refresh(self, session: Tokens) -> Any:
        return self.rotate(self.newest[session.session_id])

    @rule(session=tokens)
    def refresh_and_lose_response(self, session: Tokens) -> None:
        newest = self.newest[session.session_id]
        self.rotate(newest)
        self.newest[session.session_id] = newest

    @rule(target=tokens, presented=tokens)
    def refresh_with_any_received_token(self, presented: Tokens) -> Any:
        return self.rotate(presented)

    @rule(tokens=tokens)
    def use_access_token(self, tokens: Tokens) -> None:
        self.request(tokens, "GET", "/auth/me")

    # One rule for all of these: otherwise, the sessions in most examples would end too early.
    @rule(tokens=tokens, other=tokens, how=sampled_from(ENDINGS))
    def end_sessions(self, tokens: Tokens, other: Tokens, how: str) -> None:
        {
            "log out": partial(self.log_out, tokens),
            "log out everywhere": partial(self.log_out_everywhere, tokens),
            "end another session": partial(self.end_session, tokens, other),
            "change password": partial(self.change_password, tokens),
            "reset password": self.reset_password,
            "disable or enable": self.disable_or_enable,
        }[how]()

    @rule(duration=sampled_from(DURATIONS))
    def let_time_pass(self, duration: timedelta) -> None:
        Clock.time += duration

    @invariant()
    def tokens_match_the_model(self) -> None:
        with self.app.app_context():
            for tokens in self.issued:
                model = self.models[tokens.session_id]
                assert tokens.is_access_token_accepted() == model.is_live(now())
                assert tokens.problem_of_refresh() == model.problem_of_refresh(tokens.generation, now())

    def log_out(self, tokens: Tokens) -> None:
        if self.request(tokens, "POST", "/auth/logout"):
            self.models[tokens.session_id].is_ended = True

    def log_out_everywhere(self, tokens: Tokens) -> None:
        if self.request(tokens, "POST", "/auth/logout-all"):
            self.end_all()

    def end_session(self, tokens: Tokens, other: Tokens) -> None:
        model = self.models[other.session_id]
        problem = "not-found" if model.is_ended else None
        if self.request(tokens, "DELETE", f"/auth/sessions/{other.session_id}", problem=problem):
            model.is_ended = True

    def change_password(self, tokens: Tokens) -> None:
        body = {"current_password": self.password, "new_password": self.other_password}
        if self.request(tokens, "POST", "/auth/password", json=body):
            self.end_all(except_id=tokens.session_id)
            self.password, self.other_password = self.other_password, self.password

    def reset_password(self) -> None:
        with self.app.app_context():
            service.start_password_reset(self.user["email"], requested_at=now())
            token = RESET_TOKEN.issue(service.get_user(self.user_id))
        body = {"token": token, "new_password": self.other_password}
        response = self.api.post("/auth/password-reset/confirm", body)
        assert (problem_of(response) is None) == self.is_enabled
        if self.is_enabled:
            self.end_all()
            self.password, self.other_password = self.other_password, self.password

    def disable_or_enable(self) -> None:
        self.is_enabled = not self.is_enabled
        with self.app.app_context():
            service.update_access(
                self.user_id, actor_id=None, versions=None, status="active" if self.is_enabled else "disabled"
            )
        if not self.is_enabled:
            self.end_all()

    def open_session(self) -> Any:
        response = self.api.post("/auth/login", {"email": self.user["email"], "password": self.password})
        assert problem_of(response) == (None if self.is_enabled else "account-disabled")
        if problem_of(response):
            return multiple()
        self.models[response.json["session_id"]] = Model.opened(now())
        return self.record(response, 1)

    def rotate(self, presented: Tokens) -> Any:
        response = self.api.post("/auth/refresh", {"refresh_token": presented.refresh_token})
        model = self.models[presented.session_id]
        problem = model.refresh(presented.generation, now())
        assert problem_of(response) == problem
        return multiple() if problem else self.record(response, model.generation)

    def record(self, response: TestResponse, generation: int) -> Tokens:
        pair = response.json
        tokens = Tokens(pair["session_id"], generation, pair["access_token"], pair["refresh_token"])
        self.issued.append(tokens)
        self.newest[tokens.session_id] = tokens
        return tokens

    def request(self, tokens: Tokens, method: str, path: str, *, problem: str | None = None, **options: Any) -> bool:
        """Send a request, which must be accepted if the session is live. Returns whether it is."""
        model = self.models[tokens.session_id]
        is_live = model.is_live(now())
        response = self.api(method, path, headers=tokens.header, **options)
        assert problem_of(response) == (problem if is_live else "token-revoked")
        if is_live:
            model.use(tokens.generation)
        return is_live

    def end_all(self, *, except_id: str | None = None) -> None:
        for session_id, model in self.models.items():
            model.is_ended |= session_id != except_id


@pytest.fixture
def settings(settings: Settings) -> Settings:
    times = {
        "refresh_grace_period_seconds": GRACE,
        "session_idle_timeout_seconds": IDLE,
        "session_max_age_seconds": MAX_AGE,
    }
    return settings.model_copy(update={name: int(value.total_seconds()) for name, value in times.items()})


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "datetime", Clock)


def test_sessions_match_the_model(app: Flask, profile: hypothesis.settings) -> None:
    run_state_machine_as_test(lambda: SessionMachine(app), settings=profile)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_seeded_defect_is_found(app: Flask, defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    defect(monkeypatch)
    without_shrinking = hypothesis.settings(hypothesis.settings.get_profile("short"), phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: SessionMachine(app), settings=without_shrinking)
