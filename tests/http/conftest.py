"""Fixtures for tests of the HTTP layer. Few of these tests depend on the database, and most share one application."""

import pytest

from tests.kit.clients.api import Api
from tests.kit.fixtures.shared_app import shared_api, shared_app

__all__ = ["shared_api", "shared_app"]


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    """A logged-in client of the shared application."""
    return shared_api.as_new_user("ada@example.com")
