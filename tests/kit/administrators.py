"""Administrators of the platform, whom no request makes."""

from uuid import UUID

from flask import Flask
from sqlalchemy import update

from project.blueprints.auth.models import User
from project.infrastructure.database import transaction
from tests.kit.api import Api


def administrator(app: Flask, anybody: Api) -> Api:
    """A client signed in as a new administrator."""
    api = anybody.signed_in()
    with app.app_context():
        promote(UUID(api.user["id"]))
    return api


def promote(user_id: UUID) -> None:
    """Make a user an administrator, in the application at work."""
    with transaction() as session:
        session.execute(update(User).where(User.id == user_id).values(role="admin"))
