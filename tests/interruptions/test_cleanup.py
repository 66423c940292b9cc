"""What a killed process leaves behind is found by a sweep, and put right."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, update

from project.blueprints.files.models import File
from project.config import Settings
from project.infrastructure.database import read, transaction
from tests.interruptions.flows import World
from tests.interruptions.job_flows import LONG_AGO, objects, sweep_files
from tests.interruptions.request_flows import Invite, Upload
from tests.kit.fixtures.jobs import age_job, get_job, list_jobs

PUBLISHING = "before broker.publish 1"
SWEEP_JOBS = {"task": "worker.republish", "arguments": []}


@pytest.fixture
def store(settings: Settings) -> Path:
    return settings.data_dir / "files"


def messages(settings: Settings) -> list[str]:
    """What the broker holds."""
    return [path.read_text() for path in (settings.data_dir / "broker" / "queues").glob("*")]


def job_killed_before_its_publishing(world: World) -> UUID:
    world.doomed(Invite(world).order, kill_at=PUBLISHING)
    job_id: UUID = list_jobs("invitations.send_invitation")[-1].id
    return job_id


def test_a_job_whose_publishing_was_killed_is_handed_over_by_the_sweep(world: World, settings: Settings) -> None:
    job_id = job_killed_before_its_publishing(world)
    age_job(job_id, settings.job_republish_delay_seconds)
    assert messages(settings) == []
    assert world.doomed(SWEEP_JOBS).how == 0
    [message] = messages(settings)
    assert "invitations.send_invitation" in message


def test_a_sweep_that_was_killed_leaves_its_jobs_to_the_next(world: World, settings: Settings) -> None:
    job_id = job_killed_before_its_publishing(world)
    for step in [*world.doomed(SWEEP_JOBS).steps, PUBLISHING]:
        age_job(job_id, settings.job_republish_delay_seconds)
        world.doomed(SWEEP_JOBS, kill_at=step)
    age_job(job_id, settings.job_republish_delay_seconds)
    assert PUBLISHING in world.doomed(SWEEP_JOBS).steps
    assert get_job(job_id).status == "queued"


def test_uploads_killed_at_any_step_are_swept_away(world: World, store: Path) -> None:
    for step in world.doomed(Upload(world).order).steps:
        world.doomed(Upload(world).order, kill_at=step)
    assert len(objects(store)) > len(visible())
    with transaction() as session:
        session.execute(update(File).where(File.status == "pending").values(updated_at=LONG_AGO))
    assert world.doomed(sweep_files()).how == 0
    assert {str(path.relative_to(store)) for path in objects(store)} == visible()


def test_an_upload_that_may_still_be_on_its_way_is_not_swept(world: World, store: Path) -> None:
    world.doomed(Upload(world).order, kill_at="within the bytes 1")
    before = objects(store)
    assert world.doomed(sweep_files()).how == 0
    assert objects(store) == before != []


def visible() -> set[str]:
    """Where the bytes of files are that someone can see; fails if a row is left that nobody can."""
    with read() as connection:
        files = connection.execute(select(File.storage_key, File.status)).all()
    assert {file.status for file in files} in ({"stored"}, {"stored", "pending"})
    return {f"{file.storage_key}/original" for file in files if file.status == "stored"}
