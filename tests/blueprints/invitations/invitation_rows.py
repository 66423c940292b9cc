"""Helpers that read and change database rows in invitation tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from project.blueprints.invitations.models import Invitation
from project.infrastructure.database import read, transaction


def list_rows(app: Flask, model: Any) -> list[Any]:
    """Return the rows of a table, oldest first."""
    with app.app_context(), read() as connection:
        return list(connection.execute(select(model.__table__).order_by(model.id)))


def update_invitations(app: Flask, **values: Any) -> None:
    """Set the given columns of all invitations."""
    with app.app_context(), transaction() as connection:
        connection.execute(update(Invitation).values(**values))


def expire_all(app: Flask) -> None:
    """Set the expiry of all invitations to one second ago."""
    update_invitations(app, expires_at=datetime.now(UTC) - timedelta(seconds=1))
