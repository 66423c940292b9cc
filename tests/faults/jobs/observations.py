"""Helpers for fault tests of jobs: enqueue jobs through the API, read their state, and find the processes to kill."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from tests.kit.clients.api import Api, success
from tests.kit.deployment.programs import child_pids
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import PausePoint, pause_at
from tests.kit.servers.process import eventually, pid_of_connection

_JOB = "SELECT {} FROM jobs WHERE arguments::text LIKE '%{}%'"
_EXPIRE = "UPDATE jobs SET leased_until = now(), publish_at = now() WHERE status = 'running' RETURNING id"


class JobRow(NamedTuple):
    """A row of the `jobs` table."""

    id: UUID
    status: str
    attempts: int
    transient_failures: int
    finished_at: Any
    last_error: str | None


@dataclass(frozen=True)
class Invitation:
    """An invitation whose email is sent by a job."""

    system: System
    owner: Api
    path: str
    email: str

    @property
    def delivery(self) -> str:
        """The delivery status that the API reports to the inviter."""
        return str(success(self.owner.get(self.path))["delivery"])

    @property
    def job(self) -> JobRow:
        return job_of(self.system, self.path.rpartition("/")[2])

    @property
    def copies(self) -> list[bytes]:
        """All copies of the email that the mail server has received. They must have the same Message-ID."""
        emails = {content for content in self.system.mail.received if self.email.encode() in content}
        messages = [copies for copies in self.system.mail.by_message_id().values() if copies[0] in emails]
        assert len(messages) <= 1
        return messages[0] if messages else []


def new_inviter(system: System) -> Api:
    """Register a user, and wait for the email that confirms the address."""
    inviter = system.api.as_new_user()
    eventually(lambda: any(inviter.user["email"].encode() in content for content in system.mail.received))
    return inviter


def invite(system: System, inviter: Api | None = None) -> Invitation:
    """Invite a new address and record the invitation in the ledger."""
    owner = inviter or system.api.as_new_user()
    organization_id = success(system.ledger.organization(owner))["id"]
    return _invitation(system, owner, success(system.ledger.invitation(owner, organization_id)))


def invite_unrecorded(system: System, email: str) -> Invitation:
    """Invite an address without recording it in the ledger, because the mail server will reject it."""
    owner = system.api.as_new_user()
    return _invitation(system, owner, owner.invitation(owner.organization()["id"], email))


def _invitation(system: System, owner: Api, body: dict[str, Any]) -> Invitation:
    path = f"/organizations/{body['organization_id']}/invitations/{body['id']}"
    return Invitation(system, owner, path, body["email"])


def job_of(system: System, argument: str) -> JobRow:
    """Return the job whose arguments include the given id."""
    [row] = system.inspection.rows(_JOB.format(", ".join(JobRow._fields), argument))
    return JobRow(*row)


@contextmanager
def sending_email(system: System) -> Iterator[tuple[Invitation, int, int]]:
    """Pause a job while it sends an email: the mail server has received the message but does not reply to `DATA`.

    Yield the invitation, the PID of the child process that runs the job, and the PID of its worker.
    """
    inviter = new_inviter(system)
    system.mail.faults.unanswered_commands.add("DATA")
    try:
        invitation = invite(system, inviter)
        eventually(lambda: len(invitation.copies) == 1)
        child = sender_pid(system)
        [worker] = [worker for worker in worker_pids(system) if child in child_pids(worker)]
        yield invitation, child, worker
    finally:
        system.mail.faults.unanswered_commands.clear()


def worker_pids(system: System) -> list[int]:
    """Return the PID of each worker's main process."""
    processes = system.deployment.processes
    return [process.pid for name, process in processes.items() if name.startswith("worker")]


def pool_pids(system: System) -> list[int]:
    """Return the PIDs of all child processes that run jobs."""
    return [child for worker in worker_pids(system) for child in child_pids(worker)]


def sender_pid(system: System) -> int:
    """Return the PID of the process that sent the latest email."""
    return pid_of_connection(system.proxies.mail.client_port(system.mail.peers[-1]), system.proxies.mail.port)


def expire_leases(system: System) -> None:
    """Expire the leases of all running jobs. Fails if no job is running."""
    assert system.inspection.rows(_EXPIRE)


@contextmanager
def paused_at(system: System, pause_point: str) -> Iterator[PausePoint]:
    """Pause the deployment's processes when they reach a pause point."""
    with pause_at(system.inspection.database_url, pause_point, proxy=system.proxies.database) as point:
        yield point
