"""A deployment under test, with everything that fault tests need: proxies, an API client, inspection and a ledger."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.inspection import FolderInspection, Inspection, ServiceInspection
from tests.kit.deployment.ledger import Ledger
from tests.kit.deployment.processes import (
    FAST_SETTINGS,
    Deployment,
    deployment,
    local_environment,
    production_environment,
)
from tests.kit.deployment.programs import ROOT, command
from tests.kit.faults.service_proxies import ServiceProxies, start_proxies
from tests.kit.servers import services
from tests.kit.servers.rabbitmq import RabbitMQ
from tests.kit.servers.redis import Redis


@dataclass(frozen=True)
class System:
    """A deployment under test. `api` alternates between the web instances. Local backends have no proxies."""

    deployment: Deployment
    inspection: Inspection
    api: Api
    ledger: Ledger
    optional_proxies: ServiceProxies | None = None
    optional_mail: services.Smtp | None = None

    @property
    def mail(self) -> services.Smtp:
        """The mail server. Fails for local backends, which have none."""
        assert self.optional_mail is not None
        return self.optional_mail

    @property
    def proxies(self) -> ServiceProxies:
        """The fault proxies. Fails for local backends, which have none."""
        assert self.optional_proxies is not None
        return self.optional_proxies

    def heal(self) -> None:
        """End all faults, restart ended processes, and wait until everything is ready."""
        if self.optional_proxies:
            self.optional_proxies.heal()
        if self.optional_mail:
            self.optional_mail.heal()
        self.deployment.restart_ended()
        self.deployment.wait_until_ready()

    def with_new_ledger(self) -> "System":
        """Return the same system with an empty ledger."""
        return replace(self, ledger=_ledger(self.deployment, self.inspection))


@contextmanager
def deploy_on_services(
    folder: Path, postgres: services.Postgres, store: services.S3, broker: Redis | RabbitMQ, **settings: str
) -> Iterator[System]:
    """Run a deployment with PostgreSQL, an S3-compatible store, a broker and SMTP, each behind a fault proxy."""
    mailbox = folder / "mailbox"
    mailbox.mkdir()
    database, bucket = postgres.create_database(), store.create_bucket()
    with services.smtp(mailbox) as mail:
        direct = production_environment(folder, database=database, broker=broker.url, storage=bucket, mail=mail.url)
        with start_proxies({**direct, **FAST_SETTINGS, **settings}) as (environment, proxies):
            bucket_name = urlsplit(bucket).path.strip("/")
            inspection = ServiceInspection(mailbox, database, store.client(), bucket_name, broker)
            with deployment(environment, folder=folder) as running:
                yield replace(_system(running, inspection, proxies), optional_mail=mail)
    postgres.drop(database)


@contextmanager
def deploy_on_local_backends(folder: Path, **settings: str) -> Iterator[System]:
    """Run a deployment with SQLite, local storage, the filesystem broker and a mailbox folder."""
    with deployment({**local_environment(folder), **FAST_SETTINGS, **settings}, folder=folder) as running:
        yield _system(running, FolderInspection(folder / "mail", str(folder / "app.db"), folder), None)


def _system(running: Deployment, inspection: Inspection, proxies: ServiceProxies | None) -> System:
    api = Api(Remote(*running.urls.values()))  # type: ignore[arg-type]
    return System(running, inspection, api, _ledger(running, inspection), proxies)


def _ledger(running: Deployment, inspection: Inspection) -> Ledger:
    purge = command("""celery --app worker.app call worker.tick --args '["files.purge", 1]'""")
    return Ledger(inspection, lambda: subprocess.run(purge, cwd=ROOT, env=running.environment, capture_output=True))
