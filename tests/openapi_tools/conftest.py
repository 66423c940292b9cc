"""The document as a deployment has it, a running server, and the judges that are Node.js packages."""

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
    """A file with the document of a server at an address that is not of this machine."""
    folder, url = tmp_path_factory.mktemp("document"), "https://groundwork.test"
    client = create_app(Settings(app_env="development", data_dir=folder, public_url=url)).test_client()
    path = folder / "openapi.json"
    path.write_text(json.dumps(client.get("/api/v1/openapi.json", base_url=url).json, indent=2))
    return path


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder with the programs of exactly the packages in package-lock.json."""
    lock, made_from = HERE / "package-lock.json", HERE / "node_modules" / "made-from-package-lock.json"
    if not (shutil.which("node") and made_from.exists() and filecmp.cmp(lock, made_from, shallow=False)):
        missing = "spectral, redocly, openapi-typescript and tsc are not here: ./bin/test gets them, with Node.js"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return NODE_BIN


@pytest.fixture(scope="session")
def server_settings(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What the server runs with, on SQLite."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, folder / "app.db")
    return Settings(app_env="development", data_dir=folder)


@pytest.fixture(scope="session")
def server(server_settings: Settings) -> Iterator[str]:
    """The URL of gunicorn."""
    with programs(server_settings).web() as url:
        yield url
