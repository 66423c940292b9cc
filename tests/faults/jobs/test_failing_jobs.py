"""Row 13: a task that always fails ends as a dead letter after its attempts, and others go on."""

from pathlib import Path
from typing import Any

from tests.faults.jobs.observations import job_of, pools
from tests.kit.clients.api import Api, created
from tests.kit.deployment.system import System
from tests.kit.faults.pause_points import stopped
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
CORRUPT = PICTURE[:2000]


def state(owner: Api, file: dict[str, Any]) -> tuple[str, str]:
    """What the owner is told about a file."""
    found = created(owner.get(f"/files/{file['id']}"))
    return found["status"], found["thumbnails"]["status"]


def test_a_corrupt_picture_is_stored_without_thumbnails_and_the_next_has_some(system: System) -> None:
    owner = system.api.signed_in()
    corrupt = created(system.ledger.file(owner, CORRUPT, "corrupt.png"))
    sound = created(system.ledger.file(owner, PICTURE, "coffee.png"))
    eventually(lambda: state(owner, sound) == ("stored", "ready"))
    eventually(lambda: state(owner, corrupt) == ("stored", "failed"))
    assert job_of(system, corrupt["id"]).attempts == 1
    system.ledger.ensure_nothing_lost()


def test_a_picture_that_cannot_be_read_is_tried_as_often_as_it_may_and_the_queue_moves_on(system: System) -> None:
    owner = system.api.signed_in()
    with stopped(pools(system)):
        lost = created(owner.upload(PICTURE, "lost.png"))
        remove_object(system, lost["id"])
        sound = created(system.ledger.file(owner, PICTURE, "coffee.png"))
    eventually(lambda: state(owner, sound) == ("stored", "ready"))
    eventually(lambda: state(owner, lost) == ("stored", "failed"))
    job = job_of(system, lost["id"])
    assert (job.status, job.attempts) == ("dead", 2)
    assert str(job.last_error).startswith("ObjectMissing")
    # The ledgers of other tests would miss it.
    system.behind.rows(f"DELETE FROM files WHERE id = '{lost['id']}' RETURNING id")


def remove_object(system: System, file_id: str) -> None:
    """Lose the bytes of a file."""
    [(key,)] = system.behind.rows(f"SELECT storage_key FROM files WHERE id = '{file_id}'")
    system.behind.store.remove_object(system.behind.bucket, f"{key}/original")  # type: ignore[attr-defined]
