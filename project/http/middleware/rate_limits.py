"""How many requests a route takes in a minute: declared with it, judged after its access, told on its answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil

from flask import Flask, Response, g, request

from project.config import Settings, current_settings
from project.errors import RateLimited
from project.infrastructure import signing
from project.infrastructure.rate_counter import WindowCount, current_rate_counter

_WINDOW_SECONDS = 60


def client_ip() -> str:
    """Where the request comes from. Hashed: a store that others may read need not know the addresses of people."""
    return signing.mac("rate-limit", _network(request.remote_addr or "").encode()).hex()[:32]


@dataclass(frozen=True)
class Limit:
    """So many requests a minute of each caller, whom `caller` names; routes that declare the same one share it."""

    name: str
    per_minute: Callable[[Settings], int]
    caller: Callable[[], str] = client_ip


LOGINS = Limit("login", lambda settings: settings.logins_per_minute)
REGISTRATIONS = Limit("register", lambda settings: settings.registrations_per_minute)


@dataclass(frozen=True)
class _Budget:
    """What a caller has of a limit in this minute."""

    name: str
    quota: int
    spent: WindowCount

    @property
    def is_exceeded(self) -> bool:
        return self.spent.number > self.quota

    @property
    def seconds_left(self) -> int:
        return max(1, ceil(self.spent.seconds_left))

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.quota};w={_WINDOW_SECONDS}'

    @property
    def state(self) -> str:
        return f'"{self.name}";r={max(0, self.quota - self.spent.number)};t={self.seconds_left}'


def init_app(app: Flask, settings: Settings) -> None:
    """Keep the requests to `app` within the limits of their routes; must come after access was judged."""
    if settings.rate_limit_enabled:
        app.before_request(_enforce)
        app.after_request(_add_headers)


def _enforce() -> None:
    if request.method == "OPTIONS":
        return
    g.budgets = [_count(limit) for limit in getattr(request.url_rule, "limits", ())]
    exceeded = [budget.seconds_left for budget in g.budgets if budget.is_exceeded]
    if exceeded:
        raise RateLimited(retry_after=max(exceeded))


def _count(limit: Limit) -> _Budget:
    spent = current_rate_counter().count(f"{limit.name}:{limit.caller()}", _WINDOW_SECONDS)
    return _Budget(limit.name, limit.per_minute(current_settings()), spent)


def _add_headers(response: Response) -> Response:
    """Add the headers of draft-ietf-httpapi-ratelimit-headers."""
    if budgets := g.get("budgets"):
        response.headers["RateLimit-Policy"] = ", ".join(budget.policy for budget in budgets)
        response.headers["RateLimit"] = ", ".join(budget.state for budget in budgets)
    return response


def _network(address: str) -> str:
    """The address without the port that some proxies add, or the network of an IPv6 one, which has 2^64 of them.

    What is no address has one budget for all.
    """
    found = re.fullmatch(r"\[(?P<v6>.*)\](:\d+)?|(?P<v4>[\d.]+)(:\d+)?|(?P<bare>.*)", address)
    try:
        ip = ip_address(next(filter(None, found.groupdict().values()), "") if found else "")
    except ValueError:
        return "unknown"
    return str(ip.ipv4_mapped or ip.packed[:8].hex()) if isinstance(ip, IPv6Address) else str(ip)
