"""Fixtures for invitation tests: an organization owner, her organization, and the path of its invitations."""

import pytest

from tests.kit.clients.api import Api


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com", display_name="Ada")


@pytest.fixture
def organization_id(ada: Api) -> str:
    return str(ada.organization()["id"])


@pytest.fixture
def path(organization_id: str) -> str:
    """The path of the organization's invitations."""
    return f"/organizations/{organization_id}/invitations"
