"""Enforces the rate limits that routes declare, and adds their state to the responses of these routes."""

from flask import Flask, Response, g, request

from project.config import Settings
from project.errors import RateLimited
from project.http.routing.rule import current_rule
from project.infrastructure.rate_counter import Usage, current_rate_counter


def init_app(app: Flask, settings: Settings) -> None:
    """Enforce the rate limits of the routes of `app`. Must be registered after the access check."""
    if settings.rate_limit_enabled:
        app.before_request(_enforce)
        app.after_request(_add_headers)


def _enforce() -> None:
    rule = current_rule()
    if rule is None or not rule.limits or request.method == "OPTIONS":
        return
    g.usages = current_rate_counter().count([quota for limit in rule.limits for quota in limit.quotas()])
    last = g.usages[-1]
    if last.is_exceeded:
        raise RateLimited(retry_after=last.seconds_left)


def _add_headers(response: Response) -> Response:
    """Add the headers of draft-ietf-httpapi-ratelimit-headers."""
    if usages := g.get("usages"):
        response.headers["RateLimit-Policy"] = ", ".join(map(_policy, usages))
        response.headers["RateLimit"] = ", ".join(map(_state, usages))
    return response


def _policy(usage: Usage) -> str:
    return f'"{usage.quota.name}";q={usage.quota.number};w={usage.quota.window_seconds}'


def _state(usage: Usage) -> str:
    return f'"{usage.quota.name}";r={usage.remaining};t={usage.seconds_left}'
