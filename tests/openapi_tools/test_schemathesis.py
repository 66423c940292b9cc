"""schemathesis sends valid and invalid requests to a real server and checks each response against the document.

To run 20,000 cases by hand, which takes about seven minutes, run:

    REFRESH_COOKIE_ENABLED=true CORS_ORIGINS=https://app.example.com RATE_LIMIT_ENABLED=false ./bin/run

and, in another terminal:

    API=http://localhost:8000/api/v1
    curl $API/auth/register -H "Content-Type: application/json" \\
        -d '{"email": "tester@example.com", "password": "seven unlikely herons", "display_name": "Tester"}'
    ./bin/flask users create-admin --email tester@example.com --promote
    .venv/bin/st --config-file tests/openapi_tools/schemathesis.toml run $API/openapi.json --checks all \\
        --max-examples 1300

A failure is printed with its seed and a curl command. `--seed` repeats the same cases.
"""

import tomllib
from pathlib import Path
from uuid import UUID

import pytest
import urllib3

from project.config import Settings
from tests.kit.fixtures.administrators import promote
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import dead_job, done_job
from tests.openapi_tools.commands import HERE, PYTHON_BIN, run_tool

CONFIG = HERE / "schemathesis.toml"


@pytest.fixture(scope="module")
def api(server: str, server_settings: Settings) -> str:
    """The URL of an API that has jobs, and an administrator account for schemathesis."""
    account = tomllib.loads(CONFIG.read_text())["auth"]["dynamic"]["openapi"]["bearer"]["payload"]
    registered = urllib3.request("POST", f"{server}/api/v1/auth/register", json=account | {"display_name": "Tester"})
    assert registered.status == 201, registered.data
    with separate_app_context(server_settings):
        promote(UUID(registered.json()["id"]))
        for create_job in (dead_job, done_job) * 20:
            create_job()
    return f"{server}/api/v1"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.full)])
def test_schemathesis_reports_no_problems_with_few_cases_per_operation(api: str, tmp_path: Path, seed: int) -> None:
    run_schemathesis(api, tmp_path, seed, max_examples=10)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [3, 4])
def test_schemathesis_reports_no_problems_with_many_cases_per_operation(api: str, tmp_path: Path, seed: int) -> None:
    run_schemathesis(api, tmp_path, seed, max_examples=300)


def run_schemathesis(api: str, folder: Path, seed: int, max_examples: int) -> None:
    checks = ("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all")
    extent = ("--seed", str(seed), "--max-examples", str(max_examples))
    target = (f"{api}/openapi.json", "--url", api.removesuffix("/api/v1"))
    run_tool(PYTHON_BIN / "st", "--config-file", CONFIG, "--no-color", "run", *target, *checks, *extent, folder=folder)
