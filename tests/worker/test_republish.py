"""The sweep on real brokers: it hands over what is overdue, and no more than the broker should hold."""

from collections.abc import Iterator

import pytest
from celery import Celery
from flask import Flask
from redis import Redis

from project.config import Settings
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import age_job, enqueue_job
from worker import republish
from worker.broker import CeleryBroker, consume_from_queues, make_celery, queue_lengths, queue_of

NAMES = ("files.a_job", "invitations.a_job")


@pytest.fixture(params=["embedded", "redis"])
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "embedded":
        return settings
    # The last database of this Redis is of no other test.
    url = request.getfixturevalue("redis_url").removesuffix("/0") + "/15"
    with Redis.from_url(url) as client:
        client.flushdb()
    return settings.model_copy(update={"broker_url": url})


@pytest.fixture
def celery(settings: Settings) -> Iterator[Celery]:
    celery = make_celery(settings)
    celery.set_current()
    consume_from_queues(celery, NAMES)
    with at_work(settings, broker=CeleryBroker(settings)):
        yield celery
    celery.close()


@pytest.fixture(autouse=True)
def _small_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "_FULL", 5)
    monkeypatch.setattr(republish, "_BATCH", 2)


def overdue(number: int) -> None:
    """So many jobs, that their publishers have handed over to nobody."""
    for turn in range(number):
        age_job(enqueue_job(NAMES[turn % 2]), 3600)


def taken(celery: Celery) -> None:
    """A worker takes all that waits."""
    with celery.connection_for_write(transport_options=celery.conf.broker_transport_options) as link:
        for name in NAMES:
            link.default_channel.queue_purge(queue_of(name))


@pytest.fixture(autouse=True)
def _publish_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.publisher.put", lambda *_: None)


def test_all_that_is_overdue_is_handed_over_in_batches(celery: Celery) -> None:
    overdue(4)
    republish.republish()
    assert sum(queue_lengths(celery).values()) == 4


def test_a_broker_is_filled_and_no_more(celery: Celery) -> None:
    overdue(7)
    for _ in range(2):
        republish.republish()
        assert sum(queue_lengths(celery).values()) == 5
    taken(celery)
    republish.republish()
    assert sum(queue_lengths(celery).values()) == 2


def test_each_blueprint_has_a_queue_of_its_own(celery: Celery) -> None:
    overdue(3)
    republish.republish()
    assert queue_lengths(celery) == {"files": 2, "invitations": 1, "worker": 0}
