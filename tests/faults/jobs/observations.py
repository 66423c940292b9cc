"""What the tests of jobs under faults look at, and whom they kill."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from tests.kit.clients.api import Api, created
from tests.kit.deployment.programs import children
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import Point, held
from tests.kit.servers.process import eventually, pid_of_connection

_JOB = "SELECT {} FROM jobs WHERE arguments::text LIKE '%{}%'"
_LAPSE = "UPDATE jobs SET leased_until = now(), publish_at = now() WHERE status = 'running' RETURNING id"


class Row(NamedTuple):
    """The row of a job."""

    id: UUID
    status: str
    attempts: int
    transient_failures: int
    finished_at: Any
    last_error: str | None


@dataclass(frozen=True)
class Invited:
    """An invitation, whose mail is a job."""

    system: System
    owner: Api
    path: str
    email: str

    @property
    def delivery(self) -> str:
        """How far the mail has come, as its inviter is told."""
        return str(created(self.owner.get(self.path))["delivery"])

    @property
    def job(self) -> Row:
        return job_of(self.system, self.path.rpartition("/")[2])

    @property
    def copies(self) -> list[bytes]:
        """The mail, each time that the server took it; there must be one Message-ID."""
        mails = {content for content in self.system.mail.taken if self.email.encode() in content}
        found = [copies for copies in self.system.mail.by_message_id().values() if copies[0] in mails]
        assert len(found) <= 1
        return found[0] if found else []


def invite(system: System) -> Invited:
    """Invite somebody new."""
    owner = system.api.signed_in()
    organization_id = created(system.ledger.organization(owner))["id"]
    return _invited(system, owner, created(system.ledger.invitation(owner, organization_id)))


def invite_in_vain(system: System, email: str) -> Invited:
    """Invite somebody whose mail will not be taken, which the ledger need not know."""
    owner = system.api.signed_in()
    return _invited(system, owner, owner.invitation(owner.organization()["id"], email))


def _invited(system: System, owner: Api, invitation: dict[str, Any]) -> Invited:
    path = f"/organizations/{invitation['organization_id']}/invitations/{invitation['id']}"
    return Invited(system, owner, path, invitation["email"])


def job_of(system: System, argument: str) -> Row:
    """The job that has this id among its arguments."""
    [row] = system.behind.rows(_JOB.format(", ".join(Row._fields), argument))
    return Row(*row)


@contextmanager
def in_the_middle_of_a_mail(system: System) -> Iterator[tuple[Invited, int, int]]:
    """An invitation whose mail the server has taken and not answered, the process that sends it, and its worker."""
    system.mail.faults.held.add("DATA")
    try:
        invited = invite(system)
        eventually(lambda: len(invited.copies) == 1)
        child = sender(system)
        [worker] = [worker for worker in workers(system) if child in children(worker)]
        yield invited, child, worker
    finally:
        system.mail.faults.held.clear()


def workers(system: System) -> list[int]:
    """The main process of each worker."""
    processes = system.deployment.processes
    return [process.pid for name, process in processes.items() if name.startswith("worker")]


def pools(system: System) -> list[int]:
    """Every process that does jobs."""
    return [child for worker in workers(system) for child in children(worker)]


def sender(system: System) -> int:
    """The process whose mail the server took last."""
    return pid_of_connection(system.proxies.mail.origin(system.mail.peers[-1]), system.proxies.mail.port)


def lapse(system: System) -> None:
    """End the leases of jobs that are being done, as time would."""
    assert system.behind.rows(_LAPSE)


@contextmanager
def held_at(system: System, point: str) -> Iterator[Point]:
    """Hold a point of the deployment's database."""
    with held(system.behind.database_url, point, proxy=system.proxies.database) as gate:  # type: ignore[attr-defined]
        yield gate
