"""Rate limits that routes declare. `middleware/rate_limits.py` enforces them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from flask import request

from project.config import Settings
from project.infrastructure import signing


def client_ip_hash() -> str:
    """Return a hash of the client's IP address, so that a shared rate-limit store holds no addresses."""
    return signing.mac("rate-limit", _network(request.remote_addr or "").encode()).hex()[:32]


@dataclass(frozen=True)
class Limit:
    """The maximum number of requests per minute from one caller. Routes that declare the same limit share it."""

    name: str
    per_minute: Callable[[Settings], int]
    caller: Callable[[], str] = client_ip_hash


LOGINS = Limit("login", lambda settings: settings.logins_per_minute)
REGISTRATIONS = Limit("register", lambda settings: settings.registrations_per_minute)


def _network(address: str) -> str:
    """Return the address without the port that some proxies append. An IPv6 address is reduced to its /64 prefix.

    All invalid addresses share one limit.
    """
    found = re.fullmatch(r"\[(?P<v6>.*)\](:\d+)?|(?P<v4>[\d.]+)(:\d+)?|(?P<bare>.*)", address)
    try:
        ip = ip_address(next(filter(None, found.groupdict().values()), "") if found else "")
    except ValueError:
        return "unknown"
    return str(ip.ipv4_mapped or ip.packed[:8].hex()) if isinstance(ip, IPv6Address) else str(ip)
