"""Jobs to interrupt, including those that purge files."""

from abc import abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select, update

from project.blueprints.files.models import File
from project.blueprints.files.thumbnails import SIZES
from project.blueprints.invitations.models import Invitation
from project.config import current_settings
from project.infrastructure import jobs
from project.infrastructure.database import read, transaction
from tests.interruptions.flows import PICTURE, Flow, count_rows
from tests.kit.clients.api import success
from tests.kit.fixtures.jobs import age_job, enqueue_job, get_job, list_jobs

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class JobFlow(Flow):
    """A job that is claimed in one statement, takes effect in one transaction, and is finished in one statement."""

    decisive_commit = 1
    name: ClassVar[str]

    def prepare(self) -> None:
        self.cause_job()
        self.job_id: UUID = list_jobs(self.name)[-1].id
        self.operation = {"task": self.name, "arguments": [str(self.job_id)]}

    @abstractmethod
    def cause_job(self) -> None:
        """Send the request that enqueues the job."""

    def repeat(self, *, done: bool) -> None:
        """Republish the job after the dead worker's lease has expired, and run it in another process."""
        if get_job(self.job_id).status != "done":
            age_job(self.job_id, current_settings().job_time_limit_seconds * 2)
            assert (self.job_id, self.name) in jobs.pop_overdue(1000)
        assert self.world.run(self.operation).exit_code == 0
        assert get_job(self.job_id).status == "done"


class SendInvitation(JobFlow):
    name = "invitations.send_invitation"

    def cause_job(self) -> None:
        self.invitation_id, _token = self.world.invite(self.email)

    def is_done(self) -> bool:
        sent = count_rows(Invitation, Invitation.id == self.invitation_id, Invitation.delivery == "sent")
        emails = list((current_settings().data_dir / "mail").glob(f"*{self.invitation_id}*"))
        assert sent <= len(emails) <= 1
        return sent == 1


class MakeThumbnails(JobFlow):
    name = "files.make_thumbnails"

    def cause_job(self) -> None:
        self.path = f"/files/{success(self.world.owner.upload(PICTURE))['id']}"

    def is_done(self) -> bool:
        state = success(self.world.owner.get(self.path))["thumbnails"]["status"]
        statuses = {self.world.owner.get(f"{self.path}/thumbnails/{size}").status_code for size in SIZES}
        assert (state, statuses) in [("pending", {404}), ("ready", {200})]
        return state == "ready"


class PurgeFiles(Flow):
    """Purging a file: its row is marked `purging`, its content is deleted, and the row is deleted last."""

    decisive_commit = 2
    status: ClassVar[str]

    def prepare(self) -> None:
        self.file_id = UUID(success(self.world.owner.upload(PICTURE))["id"])
        self.change(status=self.status, updated_at=LONG_AGO)
        with read() as connection:
            key = connection.scalar(select(File.storage_key).where(File.id == self.file_id))
        self.folder = current_settings().data_dir / "files" / str(key)
        self.operation = purge_files()

    def is_done(self) -> bool:
        is_gone = count_rows(File, File.id == self.file_id) == 0
        assert not (is_gone and list_objects(self.folder))
        return is_gone

    def repeat(self, *, done: bool) -> None:
        self.change(updated_at=LONG_AGO)
        assert self.world.run(purge_files()).exit_code == 0

    def change(self, **values: Any) -> None:
        with transaction() as connection:
            connection.execute(update(File).where(File.id == self.file_id).values(values))


class PurgeUploads(PurgeFiles):
    status = "pending"


class PurgeTrash(PurgeFiles):
    status = "trashed"


def purge_files() -> dict[str, Any]:
    """Enqueue a job that purges files and return the operation that runs it."""
    return {"task": "files.purge", "arguments": [str(enqueue_job("files.purge"))]}


def list_objects(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
