"""Fixtures: clients for the pages in development and in production. Neither client needs a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient

from project.app import create_app
from project.config import Settings
from project.infrastructure.database import db


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    yield from _client(Settings(app_env="development", data_dir=tmp_path))


@pytest.fixture
def production(tmp_path: Path) -> Iterator[FlaskClient]:
    settings = Settings(
        app_env="production",
        public_url="https://api.example.com",
        database_url=f"sqlite:///{tmp_path}/app.db",
        broker_url=f"file://{tmp_path}/broker",
        storage_url=f"file://{tmp_path}/files",
        mail_url=f"file://{tmp_path}/mail",
        secret_key=("k" * 32,),
        jwt_keys=(Ed25519PrivateKey.generate(),),
    )
    yield from _client(settings)


def _client(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    with app.app_context():
        db.engine.dispose()
