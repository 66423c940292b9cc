"""Fixtures for testing the commands that read an application's routes and API document."""

import json
from typing import Any

import pytest
from flask import Flask

from project.app import create_app
from project.cli.contract import contract_text
from project.config import Settings
from project.http.openapi import api_document


@pytest.fixture(scope="session")
def idle_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application that receives no requests."""
    return create_app(Settings(app_env="development", data_dir=tmp_path_factory.mktemp("idle")))


@pytest.fixture(scope="session")
def document(idle_app: Flask) -> dict[str, Any]:
    """The API document as `flask openapi write` would generate it. Tests must not modify it."""
    parsed: dict[str, Any] = json.loads(contract_text(api_document(idle_app)))
    return parsed
