"""The tables behind invitations, looked at and moved in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from project.blueprints.invitations.models import Invitation
from project.infrastructure.database import read, transaction


def rows(app: Flask, model: Any) -> list[Any]:
    """The rows of a table, oldest first."""
    with app.app_context(), read() as connection:
        return list(connection.execute(select(model.__table__).order_by(model.id)))


def set_invitations(app: Flask, **values: Any) -> None:
    """Change every invitation's row."""
    with app.app_context(), transaction() as session:
        session.execute(update(Invitation).values(**values))


def lapse(app: Flask) -> None:
    """Let the time of every invitation run out."""
    set_invitations(app, expires_at=datetime.now(UTC) - timedelta(seconds=1))
