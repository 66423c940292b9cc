"""A fault proxy for each service that a deployment depends on."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.kit.faults.proxy import FaultProxy, fault_proxy

_SETTINGS = ("DATABASE_URL", "BROKER_URL", "STORAGE_URL", "MAIL_URL")


@dataclass(frozen=True)
class ServiceProxies:
    """The fault proxies, one per service. A fault affects all processes of the deployment."""

    database: FaultProxy
    broker: FaultProxy
    storage: FaultProxy
    mail: FaultProxy

    def heal(self) -> None:
        """End all faults."""
        for proxy in (self.database, self.broker, self.storage, self.mail):
            proxy.heal()


@contextmanager
def start_proxies(environment: Mapping[str, str]) -> Iterator[tuple[dict[str, str], ServiceProxies]]:
    """Start a proxy for each service. Yield a copy of the environment that points to the proxies, and the proxies."""
    with ExitStack() as stack:
        urls = [environment[name] for name in _SETTINGS]
        proxies = [stack.enter_context(fault_proxy(urlsplit(url).port or 0)) for url in urls]
        proxied = {name: _with_port(url, proxy.port) for name, url, proxy in zip(_SETTINGS, urls, proxies, strict=True)}
        yield {**environment, **proxied}, ServiceProxies(*proxies)


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition(":")[0] + f":{port}").geturl()
