"""Periodic jobs clean up after a killed process: they republish unpublished jobs and purge interrupted uploads."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from project.blueprints.files.models import File
from project.config import Settings
from project.infrastructure.database import read, transaction
from tests.interruptions.flows import World
from tests.interruptions.job_flows import LONG_AGO, list_objects, purge_files
from tests.interruptions.request_flows import Invite, Upload
from tests.kit.fixtures.jobs import age_job, get_job, list_jobs

PUBLISHING = "before broker.publish 1"
REPUBLISH = {"task": "worker.republish", "arguments": []}


@pytest.fixture
def store(settings: Settings) -> Path:
    return settings.data_dir / "files"


def messages(settings: Settings) -> list[str]:
    """Return the messages in the broker."""
    return [path.read_text() for path in (settings.data_dir / "broker" / "queues").glob("*")]


def enqueue_and_kill_before_publishing(world: World) -> UUID:
    world.run(Invite(world).operation, kill_at=PUBLISHING)
    job_id: UUID = list_jobs("invitations.send_invitation")[-1].id
    return job_id


def test_job_is_republished_if_process_is_killed_before_publishing_it(world: World, settings: Settings) -> None:
    job_id = enqueue_and_kill_before_publishing(world)
    age_job(job_id, settings.job_republish_delay_seconds)
    assert messages(settings) == []
    assert world.run(REPUBLISH).exit_code == 0
    [message] = messages(settings)
    assert "invitations.send_invitation" in message


def test_next_republish_run_publishes_jobs_if_previous_run_was_killed(world: World, settings: Settings) -> None:
    job_id = enqueue_and_kill_before_publishing(world)
    for step in [*world.run(REPUBLISH).steps, PUBLISHING]:
        age_job(job_id, settings.job_republish_delay_seconds)
        world.run(REPUBLISH, kill_at=step)
    age_job(job_id, settings.job_republish_delay_seconds)
    assert PUBLISHING in world.run(REPUBLISH).steps
    assert get_job(job_id).status == "queued"


def test_upload_that_is_interrupted_at_any_step_is_purged(world: World, store: Path) -> None:
    for step in world.run(Upload(world).operation).steps:
        world.run(Upload(world).operation, kill_at=step)
    assert len(list_objects(store)) > len(visible_objects())
    with transaction() as connection:
        connection.execute(update(File).where(File.status == "pending").values(updated_at=LONG_AGO))
    assert world.run(purge_files()).exit_code == 0
    assert {str(path.relative_to(store)) for path in list_objects(store)} == visible_objects()


def test_upload_that_may_still_be_in_progress_is_not_purged(world: World, store: Path) -> None:
    world.run(Upload(world).operation, kill_at="after chunk 1")
    before = list_objects(store)
    assert world.run(purge_files()).exit_code == 0
    assert list_objects(store) == before != []


def visible_objects() -> set[str]:
    """Return the object keys of visible files. Fails if any row is neither `stored` nor `pending`."""
    with read() as connection:
        files = connection.execute(select(File.storage_key, File.status)).all()
    assert {file.status for file in files} in ({"stored"}, {"stored", "pending"})
    return {f"{file.storage_key}/original" for file in files if file.status == "stored"}
