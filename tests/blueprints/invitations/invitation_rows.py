"""Helpers that read and change database rows in invitation tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from project.blueprints.invitations.jobs import SEND_INVITATION
from project.blueprints.invitations.models import Invitation
from project.infrastructure.database import read, transaction
from tests.kit.fixtures.jobs import list_jobs


def list_rows(app: Flask, model: Any) -> list[Any]:
    """Return the rows of a table, oldest first."""
    with app.app_context(), read() as connection:
        return list(connection.execute(select(model.__table__).order_by(model.id)))


def list_emailed_ids(app: Flask) -> list[str]:
    """Return the ids of the invitations for which an email job was enqueued."""
    with app.app_context():
        return [job.arguments["invitation_id"] for job in list_jobs(SEND_INVITATION)]


def update_invitations(app: Flask, **values: Any) -> None:
    """Set the given columns of all invitations."""
    with app.app_context(), transaction() as connection:
        connection.execute(update(Invitation).values(**values))


def expire_all(app: Flask) -> None:
    """Set the expiry of all invitations to one second ago."""
    update_invitations(app, expires_at=datetime.now(UTC) - timedelta(seconds=1))
