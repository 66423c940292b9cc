"""Jobs that are enqueued once per dedupe key, per item of `enqueue_each`, or per id of a fan-out."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.jobs.fan_out import CHUNK_SIZE
from tests.kit.fixtures.jobs import JOB_NAME, age_job, claim_job, enqueue_job, get_job, list_jobs, run_concurrently

ANNOUNCE = "tests.announce"


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def enqueue(name: str = JOB_NAME, **options: Any) -> None:
    with transaction():
        jobs.enqueue(name, **options)


def test_job_is_enqueued_once_per_dedupe_key() -> None:
    for number in range(3):
        enqueue(dedupe_key="the key", number=number)
    assert [row.arguments for row in list_jobs()] == [{"number": 0}]


def test_duplicate_dedupe_key_does_not_affect_rest_of_transaction() -> None:
    enqueue(dedupe_key="the key")
    with transaction():
        jobs.enqueue(JOB_NAME, dedupe_key="the key")
        jobs.enqueue("tests.other")
    assert [row.name for row in list_jobs()] == [JOB_NAME, "tests.other"]


def test_dedupe_key_still_applies_after_job_is_done() -> None:
    enqueue(dedupe_key="the key")
    jobs.finish(claim_job(list_jobs()[0].id))
    enqueue(dedupe_key="the key")
    assert len(list_jobs()) == 1


def test_dedupe_key_is_scoped_to_job_name() -> None:
    enqueue(dedupe_key="the key")
    enqueue("tests.other", dedupe_key="the key")
    assert len(list_jobs()) == 2


def test_concurrent_calls_with_same_dedupe_key_enqueue_only_one_job(app: Flask) -> None:
    run_concurrently(app, lambda: enqueue(dedupe_key="the key"))
    assert len(list_jobs()) == 1


def test_delayed_job_is_not_due_before_its_delay_ends() -> None:
    enqueue(delay_seconds=60)
    [row] = list_jobs()
    assert (jobs.claim(row.id), jobs.pop_overdue(10)) == (None, [])
    age_job(row.id, 60)
    assert jobs.pop_overdue(10) == [(row.id, JOB_NAME)]
    assert claim_job(row.id).attempts == 1


def test_enqueue_each_skips_duplicates_and_makes_jobs_overdue_immediately() -> None:
    arguments = [{"number": number} for number in range(7)]
    for part in (arguments[:3], arguments):
        with transaction():
            jobs.enqueue_each(JOB_NAME, part)
    assert sorted(row.arguments["number"] for row in list_jobs()) == list(range(7))
    assert len(jobs.pop_overdue(10)) == 7


@pytest.mark.parametrize("number", [0, 1, CHUNK_SIZE, CHUNK_SIZE * 2 + 1])
def test_fan_out_enqueues_one_job_per_id(number: int) -> None:
    users = Users(number)
    users.announce()
    users.run_continuations()
    assert users.announced_ids() == users.ids


def test_repeating_a_chunk_of_a_fan_out_creates_no_duplicate_jobs() -> None:
    users = Users(CHUNK_SIZE + 2)
    for _ in range(2):
        users.announce()
        users.run_continuations()
    assert users.announced_ids() == users.ids
    assert len(list_jobs(ANNOUNCE)) == 1


def test_fan_out_continues_if_ids_are_removed_between_chunks() -> None:
    users = Users(CHUNK_SIZE * 2)
    users.announce()
    del users.ids[CHUNK_SIZE - 1], users.ids[CHUNK_SIZE]
    users.run_continuations()
    assert set(users.announced_ids()) >= set(users.ids)


class Users:
    """Users, each of whom must receive an announcement."""

    def __init__(self, number: int) -> None:
        self.ids = sorted(new_id() for _ in range(number))

    def announce(self, announcement: str = "a-1", after: str | None = None) -> None:
        """Enqueue the next announcements, as the task for ANNOUNCE jobs does."""
        jobs.fan_out(
            self._after,
            fan_out_job=ANNOUNCE,
            item_job=JOB_NAME,
            id_argument="user_id",
            after=UUID(after) if after else None,
            arguments={"announcement": announcement},
        )

    def run_continuations(self) -> None:
        """Run the jobs that continue the fan-out until none are left."""
        while queued := [row for row in list_jobs(ANNOUNCE) if row.status == "queued"]:
            claim = claim_job(queued[0].id)
            self.announce(**claim.arguments)
            jobs.finish(claim)

    def announced_ids(self) -> list[UUID]:
        arguments = [row.arguments for row in list_jobs(JOB_NAME)]
        assert {each["announcement"] for each in arguments} <= {"a-1"}
        return sorted(UUID(each["user_id"]) for each in arguments)

    def _after(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        return [id_ for id_ in self.ids if after is None or id_ > after][:limit]


def test_old_finished_jobs_are_purged_in_batches(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.admin._BATCH", 2)
    old = [enqueue_job() for _ in range(5)]
    for job_id in old:
        jobs.finish(claim_job(job_id))
    before = get_job(old[-1]).finished_at
    jobs.finish(claim_job(enqueue_job()))
    unfinished = [enqueue_job(), claim_job(enqueue_job()).job_id]
    assert jobs.purge_jobs("done", before=before) == 4
    assert {row.id for row in list_jobs()} >= {old[-1], *unfinished}
    assert len(list_jobs()) == 4
