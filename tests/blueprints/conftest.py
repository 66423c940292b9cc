"""Fixtures shared by the tests of several blueprints."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.auth import service as auth
from project.blueprints.organizations import service as organizations
from project.infrastructure import signing
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.shared_app import shared_api, shared_app
from tests.kit.fixtures.users import add_user

__all__ = ["join", "shared_api", "shared_app", "token_of"]

IssueToken = Callable[..., str]
Join = Callable[..., Api]


@pytest.fixture
def token_of(app: Flask) -> IssueToken:
    """Return a function that issues the token contained in an invitation email."""

    def issue(invitation_id: str, version: int = 1) -> str:
        with app.app_context():
            return signing.issue("invitation", UUID(invitation_id), version)

    return issue


@pytest.fixture
def join(token_of: IssueToken) -> Join:
    """Return a function that adds a new user to `host`'s organization and returns that user's client."""

    def join(host: Api, organization_id: str, role: str = "member") -> Api:
        guest = host.as_new_user()
        invitation = host.invitation(organization_id, guest.user["email"], role)
        success(guest.post("/invitations/accept", {"token": token_of(invitation["id"])}))
        return guest

    return join


@pytest.fixture
def in_shared_app(shared_app: Flask) -> Iterator[None]:
    """The context of the shared application, for tests that call services and repositories."""
    with shared_app.app_context():
        yield


@pytest.fixture
def ada_row(in_shared_app: None) -> auth.UserRow:
    """A user in the shared application."""
    return add_user()


@pytest.fixture
def engines(ada_row: auth.UserRow) -> UUID:
    """The id of an organization that Ada owns."""
    return organizations.create_organization(owner_id=ada_row.id, name="Engines", slug=None).id
