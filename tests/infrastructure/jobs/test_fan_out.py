"""Jobs that are written once: by a key, one for each of many things, in chunks that may be done again."""

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
from tests.kit.fixtures.jobs import NAME, age_job, claim_job, enqueue_job, get_job, list_jobs, run_concurrently

WHOLE = "tests.announce"


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def enqueue(name: str = NAME, **options: Any) -> None:
    with transaction():
        jobs.enqueue(name, **options)


def test_a_job_is_written_once_for_its_key() -> None:
    for number in range(3):
        enqueue(dedupe_key="the key", number=number)
    assert [row.arguments for row in list_jobs()] == [{"number": 0}]


def test_what_else_the_transaction_does_is_done_all_the_same() -> None:
    enqueue(dedupe_key="the key")
    with transaction():
        jobs.enqueue(NAME, dedupe_key="the key")
        jobs.enqueue("tests.other")
    assert [row.name for row in list_jobs()] == [NAME, "tests.other"]


def test_the_key_counts_also_when_its_job_is_done() -> None:
    enqueue(dedupe_key="the key")
    jobs.finish(claim_job(list_jobs()[0].id))
    enqueue(dedupe_key="the key")
    assert len(list_jobs()) == 1


def test_a_key_is_that_of_one_name() -> None:
    enqueue(dedupe_key="the key")
    enqueue("tests.other", dedupe_key="the key")
    assert len(list_jobs()) == 2


def test_of_many_with_one_key_at_once_one_is_written(app: Flask) -> None:
    run_concurrently(app, lambda: enqueue(dedupe_key="the key"))
    assert len(list_jobs()) == 1


def test_a_job_with_a_delay_waits_for_its_time() -> None:
    enqueue(delay_seconds=60)
    [row] = list_jobs()
    assert (jobs.claim(row.id), jobs.pop_overdue(10)) == (None, [])
    age_job(row.id, 60)
    assert jobs.pop_overdue(10) == [(row.id, NAME)]
    assert claim_job(row.id).attempts == 1


def test_each_of_many_gets_its_job_once_and_by_the_next_sweep() -> None:
    many = [{"number": number} for number in range(7)]
    for some in (many[:3], many):
        with transaction():
            jobs.enqueue_each(NAME, some)
    assert sorted(row.arguments["number"] for row in list_jobs()) == list(range(7))
    assert len(jobs.pop_overdue(10)) == 7


@pytest.mark.parametrize("number", [0, 1, CHUNK_SIZE, CHUNK_SIZE * 2 + 1])
def test_everyone_of_a_crowd_gets_a_job(number: int) -> None:
    crowd = Crowd(number)
    crowd.announce()
    crowd.go_on()
    assert crowd.told() == crowd.ids


def test_a_chunk_that_is_done_again_doubles_nothing() -> None:
    crowd = Crowd(CHUNK_SIZE + 2)
    for _ in range(2):
        crowd.announce()
        crowd.go_on()
    assert crowd.told() == crowd.ids
    assert len(list_jobs(WHOLE)) == 1


def test_a_crowd_that_shrinks_between_chunks_is_told_to_the_end() -> None:
    crowd = Crowd(CHUNK_SIZE * 2)
    crowd.announce()
    del crowd.ids[CHUNK_SIZE - 1], crowd.ids[CHUNK_SIZE]
    crowd.go_on()
    assert set(crowd.told()) >= set(crowd.ids)


class Crowd:
    """Whoever must be told something."""

    def __init__(self, number: int) -> None:
        self.ids = sorted(new_id() for _ in range(number))

    def announce(self, announcement: str = "a-1", after: str | None = None) -> None:
        """What the task of the job WHOLE does."""
        jobs.fan_out(
            self._after,
            whole=WHOLE,
            each=NAME,
            as_="user_id",
            after=UUID(after) if after else None,
            arguments={"announcement": announcement},
        )

    def go_on(self) -> None:
        """Do the jobs that go on with it, until there are no more."""
        while queued := [row for row in list_jobs(WHOLE) if row.status == "queued"]:
            claim = claim_job(queued[0].id)
            self.announce(**claim.arguments)
            jobs.finish(claim)

    def told(self) -> list[UUID]:
        found = [row.arguments for row in list_jobs(NAME)]
        assert {each["announcement"] for each in found} <= {"a-1"}
        return sorted(UUID(each["user_id"]) for each in found)

    def _after(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        return [one for one in self.ids if after is None or one > after][:limit]


def test_what_ended_long_ago_is_purged_in_batches(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.admin._BATCH", 2)
    old = [enqueue_job() for _ in range(5)]
    for job_id in old:
        jobs.finish(claim_job(job_id))
    before = get_job(old[-1]).finished_at
    jobs.finish(claim_job(enqueue_job()))
    kept = [enqueue_job(), claim_job(enqueue_job()).job_id]
    assert jobs.purge_jobs("done", before=before) == 4
    assert {row.id for row in list_jobs()} >= {old[-1], *kept}
    assert len(list_jobs()) == 4
