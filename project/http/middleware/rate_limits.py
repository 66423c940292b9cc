"""Enforces the rate limits that routes declare, and adds their state to the responses of these routes."""

from dataclasses import dataclass
from math import ceil

from flask import Flask, Response, g, request

from project.config import Settings, current_settings
from project.errors import RateLimited
from project.http.routing.limits import Limit
from project.http.routing.rule import current_rule
from project.infrastructure.rate_counter import WindowCount, current_rate_counter

_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class _Budget:
    """A caller's usage of a rate limit in the current window."""

    name: str
    quota: int
    used: WindowCount

    @property
    def is_exceeded(self) -> bool:
        return self.used.number > self.quota

    @property
    def seconds_left(self) -> int:
        return max(1, ceil(self.used.seconds_left))

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.quota};w={_WINDOW_SECONDS}'

    @property
    def state(self) -> str:
        return f'"{self.name}";r={max(0, self.quota - self.used.number)};t={self.seconds_left}'


def init_app(app: Flask, settings: Settings) -> None:
    """Enforce the rate limits of the routes of `app`. Must be registered after the access check."""
    if settings.rate_limit_enabled:
        app.before_request(_enforce)
        app.after_request(_add_headers)


def _enforce() -> None:
    rule = current_rule()
    if rule is None or request.method == "OPTIONS":
        return
    g.budgets = [_count(limit) for limit in rule.limits]
    exceeded = [budget.seconds_left for budget in g.budgets if budget.is_exceeded]
    if exceeded:
        raise RateLimited(retry_after=max(exceeded))


def _count(limit: Limit) -> _Budget:
    used = current_rate_counter().count(f"{limit.name}:{limit.caller()}", _WINDOW_SECONDS)
    return _Budget(limit.name, limit.per_minute(current_settings()), used)


def _add_headers(response: Response) -> Response:
    """Add the headers of draft-ietf-httpapi-ratelimit-headers."""
    if budgets := g.get("budgets"):
        response.headers["RateLimit-Policy"] = ", ".join(budget.policy for budget in budgets)
        response.headers["RateLimit"] = ", ".join(budget.state for budget in budgets)
    return response
