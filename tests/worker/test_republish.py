"""Republishing to real brokers: overdue jobs are published, up to the maximum number of queued messages."""

from collections.abc import Iterator

import pytest
from celery import Celery
from flask import Flask
from redis import Redis

from project.config import Settings
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, enqueue_job
from worker import republish
from worker.broker import CeleryBroker, consume_from_queues, make_celery, queue_lengths, queue_of

NAMES = ("files.a_job", "invitations.a_job")


@pytest.fixture(params=["filesystem", "redis"])
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "filesystem":
        return settings
    # No other test uses database 15 of this Redis server.
    url = request.getfixturevalue("redis_url").removesuffix("/0") + "/15"
    with Redis.from_url(url) as client:
        client.flushdb()
    return settings.model_copy(update={"broker_url": url})


@pytest.fixture
def celery(settings: Settings) -> Iterator[Celery]:
    celery = make_celery(settings)
    celery.set_current()
    consume_from_queues(celery, NAMES)
    with separate_app_context(settings, broker=CeleryBroker(settings)):
        yield celery
    celery.close()


@pytest.fixture(autouse=True)
def _low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "_MAX_QUEUED", 5)
    monkeypatch.setattr(republish, "_BATCH", 2)


def create_overdue_jobs(number: int) -> None:
    """Create overdue jobs that have not been published."""
    for index in range(number):
        age_job(enqueue_job(NAMES[index % 2]), 3600)


def consume_all(celery: Celery) -> None:
    """Remove all messages, as if workers had received them."""
    with celery.connection_for_write(transport_options=celery.conf.broker_transport_options) as connection:
        for name in NAMES:
            connection.default_channel.queue_purge(queue_of(name))


@pytest.fixture(autouse=True)
def _publish_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.jobs.publisher.put", lambda *_: None)


def test_all_overdue_jobs_are_published_in_batches(celery: Celery) -> None:
    create_overdue_jobs(4)
    republish.republish()
    assert sum(queue_lengths(celery).values()) == 4


def test_overdue_jobs_are_published_up_to_the_message_limit(celery: Celery) -> None:
    create_overdue_jobs(7)
    for _ in range(2):
        republish.republish()
        assert sum(queue_lengths(celery).values()) == 5
    consume_all(celery)
    republish.republish()
    assert sum(queue_lengths(celery).values()) == 2


def test_each_blueprint_has_its_own_queue(celery: Celery) -> None:
    create_overdue_jobs(3)
    republish.republish()
    assert queue_lengths(celery) == {"files": 2, "invitations": 1, "worker": 0}
