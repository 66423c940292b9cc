"""A deployment with all that a test of faults needs round it: proxies, a client, a look behind, and a ledger."""

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
from tests.kit.deployment.processes import IMPATIENT, Deployment, deployment, embedded, production
from tests.kit.deployment.programs import ROOT, command
from tests.kit.faults.service_proxies import Dependencies, behind_proxies
from tests.kit.servers import services
from tests.kit.servers.rabbitmq import RabbitMQ
from tests.kit.servers.redis import Redis


@dataclass(frozen=True)
class System:
    """`api` speaks to both web instances in turn. What is embedded has no proxies."""

    deployment: Deployment
    behind: Inspection
    api: Api
    ledger: Ledger
    faults: Dependencies | None = None
    mail_server: services.Smtp | None = None

    @property
    def mail(self) -> services.Smtp:
        """The mail server, of which there must be one."""
        assert self.mail_server is not None
        return self.mail_server

    @property
    def proxies(self) -> Dependencies:
        """The proxies, of which there must be some."""
        assert self.faults is not None
        return self.faults

    def heal(self) -> None:
        """Mend what a test broke, and wait until everything is at work again."""
        if self.faults:
            self.faults.heal()
        if self.mail_server:
            self.mail_server.heal()
        self.deployment.revive()
        self.deployment.ensure_ready()

    def with_new_ledger(self) -> "System":
        """The same with nothing noted yet."""
        return replace(self, ledger=_ledger(self.deployment, self.behind))


@contextmanager
def deploy_on_services(
    folder: Path, postgres: services.Postgres, store: services.S3, broker: Redis | RabbitMQ, **settings: str
) -> Iterator[System]:
    """A deployment on PostgreSQL, an S3-compatible store, a broker and SMTP, each behind a proxy."""
    mailbox = folder / "mailbox"
    mailbox.mkdir()
    database, bucket = postgres.create_database(), store.create_bucket()
    with services.smtp(mailbox) as mail:
        direct = production(folder, database=database, broker=broker.url, storage=bucket, mail=mail.url)
        with behind_proxies({**direct, **IMPATIENT, **settings}) as (environment, faults):
            name = urlsplit(bucket).path.strip("/")
            behind = ServiceInspection(mailbox, database, store.client(), name, broker)
            with deployment(environment, folder=folder) as running:
                yield replace(_system(running, behind, faults), mail_server=mail)
    postgres.drop(database)


@contextmanager
def deploy_on_local_backends(folder: Path, **settings: str) -> Iterator[System]:
    """A deployment on SQLite, files, a broker on disk and a mailbox folder."""
    with deployment({**embedded(folder), **IMPATIENT, **settings}, folder=folder) as running:
        yield _system(running, FolderInspection(folder / "mail", str(folder / "app.db"), folder), None)


def _system(running: Deployment, behind: Inspection, faults: Dependencies | None) -> System:
    api = Api(Remote(*running.urls.values()))  # type: ignore[arg-type]
    return System(running, behind, api, _ledger(running, behind), faults)


def _ledger(running: Deployment, behind: Inspection) -> Ledger:
    order = command("""celery --app worker.app call worker.tick --args '["files.purge", 1]'""")
    return Ledger(behind, lambda: subprocess.run(order, cwd=ROOT, env=running.environment, capture_output=True))
