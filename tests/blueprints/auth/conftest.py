"""Fixtures for auth tests: the emails that the service has sent, and the tokens in them."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from celery import current_app as celery
from flask import Flask
from sqlalchemy import update

from project.blueprints.auth.models import User
from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.mail import ReceivedMessage, read_mailbox
from tests.kit.clients.api import Api
from tests.kit.fixtures.jobs import list_jobs
from worker.discovery import import_tasks

AgeTokens = Callable[..., None]
EmailsTo = Callable[[str], list[ReceivedMessage]]
TokenFor = Callable[[str], str]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com", display_name="Ada")


@pytest.fixture
def emails_to(app: Flask) -> EmailsTo:
    """A function that runs the queued jobs as a worker would, and returns the emails to an address, newest first."""
    import_tasks(app)

    def run_and_read(address: str) -> list[ReceivedMessage]:
        with app.app_context():
            while queued := [job for job in list_jobs() if job.status == "queued"]:
                for job in queued:
                    celery.tasks[job.name].run(str(job.id))
            messages = read_mailbox(current_settings().data_dir / "mail", limit=100)
        return [message for message in messages if message.to == address]

    return run_and_read


@pytest.fixture
def token_for(emails_to: EmailsTo) -> TokenFor:
    """A function that returns the token in the newest email with a token to an address."""

    def find(address: str) -> str:
        tokens = [re.search(r"#(?:token|change)=(\S+)", message.text) for message in emails_to(address)]
        return next(token[1] for token in tokens if token)

    return find


@pytest.fixture
def age_tokens(app: Flask) -> AgeTokens:
    """A function that moves the time at which the emailed tokens were issued into the past."""

    def change(**age: float) -> None:
        issued_at = now() - timedelta(**age)
        with app.app_context(), transaction() as connection:
            connection.execute(update(User).values(email_token_issued_at=issued_at, reset_token_issued_at=issued_at))

    return change
