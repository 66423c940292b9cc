"""The program behind `./bin/test --quick`: checks what a new route or schema can break, on SQLite.

Runs two sequences concurrently: the checks that always run, and the tests for the changed operations and blueprints.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from project.cli.git import base_commit
from tests.kit.changes import ROOT, changed_blueprints, changed_files

_BIN = Path(sys.executable).parent
_STATIC = (
    ["ruff", "check"],
    ["ruff", "format", "--check"],
    ["lint-imports"],
    ["mypy", "--strict", "project", "worker"],
)
_ALWAYS = (
    "tests/blueprints/test_listing_cost.py::test_every_listing_and_filter_is_declared_in_a_contract",
    "tests/cli/test_config.py",
    "tests/cli/test_contract.py",
    "tests/cli/test_routes.py",
    "tests/http/responses/test_problems.py",
    "tests/http/routing",
    "tests/test_documents.py",
    "tests/test_language.py",
    "tests/test_migrations.py",
    "tests/test_types.py",
    "tests/worker/test_schedule.py",
)
# Loading all installed plugins takes longer than most of the tests.
_PYTEST = ["pytest", "-p", "pytest_timeout", "-m", "not full", "-k", "not postgresql", "--quiet", "--no-header"]
_ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def main() -> int:
    """Run the checks, print the output of those that fail, and return the exit code."""
    print(f"Blueprints changed since {base_commit(ROOT)[:12]}:", *sorted(changed_blueprints()), flush=True)
    with ThreadPoolExecutor() as pool:
        return int(not all(pool.map(_run, ([*_STATIC, [*_PYTEST, *_ALWAYS]], _changed_tests()))))


def _changed_tests() -> list[list[str]]:
    """Return the commands that test the changed operations and blueprints."""
    blueprints = changed_blueprints()
    if not blueprints and not any(file.startswith("project/") for file in changed_files()):
        return []
    affected = {str(path.relative_to(ROOT)) for name in blueprints for path in _tests_of(name)}
    return [[*_PYTEST, "--changed", "tests/conformance/test_every_operation.py", *sorted(affected)]]


def _tests_of(blueprint: str) -> Iterator[Path]:
    """Yield the tests in the blueprint's folder, those of its tasks, and all that import its modules."""
    tests = ROOT / "tests"
    yield from (tests / "blueprints" / blueprint).rglob("test_*.py")
    yield from (tests / "worker" / "tasks").glob(f"test_{blueprint}*.py")
    imports = re.compile(rf"^(from|import) project\.blueprints\.{blueprint}\b", re.MULTILINE)
    yield from (file for file in tests.rglob("test_*.py") if imports.search(file.read_text()))


def _run(commands: list[list[str]]) -> bool:
    """Run the commands in order, and return whether all of them succeeded."""
    succeeded = [_succeeds(command) for command in commands]
    return all(succeeded)


def _succeeds(command: list[str]) -> bool:
    started = time.monotonic()
    program = [_BIN / command[0], *command[1:]]
    done = subprocess.run(program, cwd=ROOT, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    output = f"{done.stdout}{done.stderr}" if done.returncode else ""
    result = "failed" if done.returncode else "ok"
    print(f"{output}{result} in {time.monotonic() - started:.0f} s: {shlex.join(command)}", flush=True)
    return not done.returncode


if __name__ == "__main__":
    sys.exit(main())
