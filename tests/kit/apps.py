"""Applications beside the one of the fixture `app`."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from project.app import create_app
from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import db


@contextmanager
def application(settings: Settings, *, broker: jobs.Broker | None = None) -> Iterator[Flask]:
    """An application to send requests to; its connections are closed afterwards."""
    app = create_app(settings, broker=broker)
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def at_work(settings: Settings, *, broker: jobs.Broker | None = None) -> Iterator[None]:
    """The context of an application of its own: for looking at rows, and for calling what needs a context.

    Requests to another application keep their own contexts and sessions.
    """
    with application(settings, broker=broker) as app, app.app_context():
        yield
