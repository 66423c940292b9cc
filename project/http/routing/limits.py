"""Rate limits that routes declare. `middleware/rate_limits.py` enforces them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from flask import g, request

from project.config import Settings, current_settings
from project.infrastructure.rate_counter import Quota, pseudonym


@dataclass(frozen=True)
class Limit:
    """The maximum number of requests from one caller in a window. Routes that declare the same limit share it.

    Without `caller`, it applies to each client IP and, multiplied by RATE_LIMIT_NETWORK_FACTOR, to its network.
    """

    name: str
    number: Callable[[Settings], int]
    caller: Callable[[], str] | None = None
    window_seconds: int = 60

    def quotas(self) -> list[Quota]:
        """Return the quotas of the caller of the current request, the narrowest first."""
        settings = current_settings()
        number = self.number(settings)
        if self.caller is not None:
            return [self._quota(self.name, self.caller(), number)]
        client, network = _client_and_network(request.remote_addr or "")
        wider = self._quota(f"{self.name}-network", network, number * settings.rate_limit_network_factor)
        return [self._quota(self.name, client, number), wider]

    def _quota(self, name: str, subject: str, number: int) -> Quota:
        return Quota(name, pseudonym(subject), number, self.window_seconds)


def current_user() -> str:
    """Return the id of the authenticated caller."""
    return str(g.principal.user_id)


LOGINS = Limit("login", lambda settings: settings.logins_per_minute)
REGISTRATIONS = Limit("register", lambda settings: settings.registrations_per_minute)
# For routes that check the password of the caller.
PASSWORD_CHECKS = Limit(
    "password", lambda settings: settings.password_attempts_per_15_minutes, caller=current_user, window_seconds=15 * 60
)


def _client_and_network(address: str) -> tuple[str, str]:
    """Return the prefixes that identify a client and its network: IPv4 /32 and /24, IPv6 /64 and /48.

    Ignores the port that some proxies append. All invalid addresses share one client and one network.
    """
    found = re.fullmatch(r"\[(?P<v6>.*)\](:\d+)?|(?P<v4>[\d.]+)(:\d+)?|(?P<bare>.*)", address)
    try:
        ip = ip_address(next(filter(None, found.groupdict().values()), "") if found else "")
    except ValueError:
        return "unknown", "unknown"
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return ip.packed[:8].hex(), ip.packed[:6].hex()
    packed = ip.packed[-4:]
    return packed.hex(), packed[:3].hex()
