"""Fixtures: the API document as a deployment serves it, a running server, and the Node.js tools."""

import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from project.app import create_app
from project.config import Settings
from tests.kit.deployment.programs import programs
from tests.openapi_tools.commands import HERE, NODE_BIN


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The API document of a deployment with a public URL, as a file."""
    folder, url = tmp_path_factory.mktemp("document"), "https://groundwork.test"
    client = create_app(Settings(app_env="development", data_dir=folder, public_url=url)).test_client()
    path = folder / "openapi.json"
    path.write_text(json.dumps(client.get("/api/v1/openapi.json", base_url=url).json, indent=2))
    return path


@pytest.fixture(scope="session")
def node() -> Path:
    """The directory containing the Node.js executables.

    If packages are missing or outdated, tests are skipped, or fail in CI.
    """
    lock, installed_lock = HERE / "package-lock.json", HERE / "node_modules" / "installed-package-lock.json"
    if not (shutil.which("node") and installed_lock.exists() and filecmp.cmp(lock, installed_lock, shallow=False)):
        missing = "the Node.js tools are missing or outdated: run ./bin/test once without arguments to install them"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return NODE_BIN


@pytest.fixture(scope="session")
def server_settings(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the server, which uses SQLite."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, folder / "app.db")
    return Settings(app_env="development", data_dir=folder)


@pytest.fixture(scope="session")
def server(server_settings: Settings) -> Iterator[str]:
    """The URL of a running server."""
    cookies = {"REFRESH_COOKIE_ENABLED": "true", "CORS_ORIGINS": "https://app.example.com"}
    with programs(server_settings, **cookies).web() as url:
        yield url
