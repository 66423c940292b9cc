"""Jobs and sweeps that are interrupted."""

from abc import abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select, update

from project.blueprints.files.models import File
from project.blueprints.invitations.models import Invitation
from project.config import current_settings
from project.infrastructure import jobs
from project.infrastructure.database import read, transaction
from tests.interruptions.flows import PICTURE, Flow, counted
from tests.kit.clients.api import created
from tests.kit.fixtures.jobs import age_job, enqueue_job, get_job, list_jobs

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class JobFlow(Flow):
    """A job: claimed and finished by a statement each, and done in a transaction between them."""

    decisive = 1
    name: ClassVar[str]

    def prepare(self) -> None:
        self.cause()
        self.job_id: UUID = list_jobs(self.name)[-1].id
        self.order = {"task": self.name, "arguments": [str(self.job_id)]}

    @abstractmethod
    def cause(self) -> None:
        """Do what causes the job."""

    def repeat(self, *, done: bool) -> None:
        """Its worker is dead: when the lease is over the sweep hands it over, and another one does it."""
        if get_job(self.job_id).status != "done":
            age_job(self.job_id, current_settings().job_time_limit_seconds * 2)
            assert (self.job_id, self.name) in jobs.pop_overdue(1000)
        assert self.world.doomed(self.order).how == 0
        assert get_job(self.job_id).status == "done"


class SendInvitation(JobFlow):
    name = "invitations.send_invitation"

    def cause(self) -> None:
        self.invitation_id, _token = self.world.invited(self.email)

    def is_done(self) -> bool:
        sent = counted(Invitation, Invitation.id == self.invitation_id, Invitation.delivery == "sent")
        mails = list((current_settings().data_dir / "mail").glob(f"*{self.invitation_id}*"))
        assert sent <= len(mails) <= 1
        return sent == 1


class MakeThumbnails(JobFlow):
    name = "files.make_thumbnails"

    def cause(self) -> None:
        self.path = f"/files/{created(self.world.owner.upload(PICTURE))['id']}"

    def is_done(self) -> bool:
        state = created(self.world.owner.get(self.path))["thumbnails"]["status"]
        answers = [self.world.owner.get(f"{self.path}/thumbnails/{size}").status_code for size in ("small", "large")]
        assert (state, answers) in [("pending", [404, 404]), ("ready", [200, 200])]
        return state == "ready"


class Sweep(Flow):
    """Removing what was broken off, or lay in the trash: the row turns, the bytes go, and the row last."""

    decisive = 2
    status: ClassVar[str]

    def prepare(self) -> None:
        self.file_id = UUID(created(self.world.owner.upload(PICTURE))["id"])
        self.change(status=self.status, updated_at=LONG_AGO)
        with read() as connection:
            key = connection.scalar(select(File.storage_key).where(File.id == self.file_id))
        self.folder = current_settings().data_dir / "files" / str(key)
        self.order = sweep_files()

    def is_done(self) -> bool:
        is_gone = counted(File, File.id == self.file_id) == 0
        assert not (is_gone and objects(self.folder))
        return is_gone

    def repeat(self, *, done: bool) -> None:
        self.change(updated_at=LONG_AGO)
        assert self.world.doomed(sweep_files()).how == 0

    def change(self, **values: Any) -> None:
        with transaction() as session:
            session.execute(update(File).where(File.id == self.file_id).values(values))


class SweepUploads(Sweep):
    status = "pending"


class PurgeTrash(Sweep):
    status = "trashed"


def sweep_files() -> dict[str, Any]:
    """The order to do a new sweep of files."""
    return {"task": "files.purge", "arguments": [str(enqueue_job("files.purge"))]}


def objects(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
