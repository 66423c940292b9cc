"""Failure matrix, row 13: a job that always fails is marked dead after its last attempt, and other jobs still run."""

from pathlib import Path
from typing import Any

from tests.faults.jobs.observations import job_of, pool_pids
from tests.kit.clients.api import Api, success
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import stopped
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
CORRUPT = PICTURE[:2000]


def state(owner: Api, file: dict[str, Any]) -> tuple[str, str]:
    """Return the statuses of a file and of its thumbnails, as the API reports them to the file's owner."""
    body = success(owner.get(f"/files/{file['id']}"))
    return body["status"], body["thumbnails"]["status"]


def test_corrupt_image_is_stored_without_thumbnails_and_next_image_gets_thumbnails(system: System) -> None:
    owner = system.api.as_new_user()
    corrupt = success(system.ledger.file(owner, CORRUPT, "corrupt.png"))
    valid = success(system.ledger.file(owner, PICTURE, "coffee.png"))
    eventually(lambda: state(owner, valid) == ("stored", "ready"))
    eventually(lambda: state(owner, corrupt) == ("stored", "failed"))
    assert job_of(system, corrupt["id"]).attempts == 1
    system.ledger.ensure_nothing_lost()


def test_thumbnail_job_fails_after_last_attempt_if_object_is_missing_and_other_jobs_run(system: System) -> None:
    owner = system.api.as_new_user()
    with stopped(pool_pids(system)):
        lost = success(owner.upload(PICTURE, "lost.png"))
        remove_object(system, lost["id"])
        valid = success(system.ledger.file(owner, PICTURE, "coffee.png"))
    eventually(lambda: state(owner, valid) == ("stored", "ready"))
    eventually(lambda: state(owner, lost) == ("stored", "failed"))
    job = job_of(system, lost["id"])
    assert (job.status, job.attempts) == ("dead", 2)
    assert str(job.last_error).startswith("ObjectMissing")
    # Otherwise, the ledgers of later tests would report the missing object.
    system.inspection.rows(f"DELETE FROM files WHERE id = '{lost['id']}' RETURNING id")


def remove_object(system: System, file_id: str) -> None:
    """Delete a file's content from the store."""
    [(key,)] = system.inspection.rows(f"SELECT storage_key FROM files WHERE id = '{file_id}'")
    system.inspection.store.remove_object(system.inspection.bucket, f"{key}/original")  # type: ignore[attr-defined]
