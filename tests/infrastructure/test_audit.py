"""Audit entries are written with their action or not at all."""

from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from project.infrastructure import audit, logging
from project.infrastructure.audit import AuditEntry
from project.infrastructure.database import read, transaction

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class ActionFailed(Exception):
    """Raised after an entry has been written."""


@pytest.fixture(autouse=True)
def in_app(app: Flask) -> Iterator[None]:
    logging.clear_context()
    with app.app_context():
        yield


def rows() -> list[tuple[str, str | None, str | None]]:
    """Return the actions, client IPs and request ids of all entries."""
    with read() as connection:
        statement = select(AuditEntry.action, AuditEntry.ip_address, AuditEntry.request_id)
        return [tuple(row) for row in connection.execute(statement)]


def test_entry_is_rolled_back_with_its_action() -> None:
    with suppress(ActionFailed), transaction():
        audit.record("tests.act", actor_id=uuid4())
        raise ActionFailed
    assert rows() == []


def test_recording_outside_a_transaction_fails() -> None:
    with pytest.raises(RuntimeError, match="outside transaction"):
        audit.record("tests.act", actor_id=None)
    assert rows() == []


def test_entry_of_a_command_has_neither_client_ip_nor_request_id() -> None:
    with transaction():
        audit.record("tests.act", actor_id=None)
    assert rows() == [("tests.act", None, None)]


def test_entry_of_a_job_has_the_id_of_the_request_that_enqueued_it() -> None:
    logging.bind(request_id="a-request")
    with transaction():
        audit.record("tests.act", actor_id=None)
    assert rows() == [("tests.act", None, "a-request")]
