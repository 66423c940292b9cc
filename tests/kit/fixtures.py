"""One of each real service a test session, started when a test first asks for it."""

from collections.abc import Iterator

import pytest

from tests.kit import services


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Postgres]:
    """A running PostgreSQL; tests make databases of their own in it."""
    with services.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a running Redis."""
    with services.redis() as server:
        yield server.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[services.S3]:
    """A running S3-compatible store."""
    with services.s3() as server:
        yield server


@pytest.fixture(scope="session")
def s3_url(s3_server: services.S3) -> str:
    """The `s3://` URL of a bucket in a running store."""
    return s3_server.url


@pytest.fixture
def smtp_server() -> Iterator[services.Smtp]:
    """A listening SMTP server with no messages yet."""
    with services.smtp() as server:
        yield server
