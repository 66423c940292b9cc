"""The HTTP contract asks little of the database: most of these tests share an application."""

import pytest

from tests.kit.clients.api import Api
from tests.kit.fixtures.shared_app import shared_api, shared_app

__all__ = ["shared_api", "shared_app"]


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    """A client of the shared application, signed in."""
    return shared_api.signed_in("ada@example.com")
