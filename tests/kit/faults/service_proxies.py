"""A fault proxy before each service that a deployment depends on."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.kit.faults.proxy import FaultProxy, fault_proxy

_SETTINGS = ("DATABASE_URL", "BROKER_URL", "STORAGE_URL", "MAIL_URL")


@dataclass(frozen=True)
class Dependencies:
    """The proxies, each to break what is behind it for the whole deployment."""

    database: FaultProxy
    broker: FaultProxy
    storage: FaultProxy
    mail: FaultProxy

    def heal(self) -> None:
        """Let each serve again."""
        for proxy in (self.database, self.broker, self.storage, self.mail):
            proxy.heal()


@contextmanager
def behind_proxies(environment: Mapping[str, str]) -> Iterator[tuple[dict[str, str], Dependencies]]:
    """The same environment with a proxy before each of its services, and the proxies."""
    with ExitStack() as stack:
        urls = [environment[name] for name in _SETTINGS]
        proxies = [stack.enter_context(fault_proxy(urlsplit(url).port or 0)) for url in urls]
        moved = {name: _at(url, proxy.port) for name, url, proxy in zip(_SETTINGS, urls, proxies, strict=True)}
        yield {**environment, **moved}, Dependencies(*proxies)


def _at(url: str, port: int) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition(":")[0] + f":{port}").geturl()
