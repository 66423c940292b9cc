"""`./bin/test --quick` detects the most common mistakes in new routes and schemas."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ORGANIZATIONS = "project/blueprints/organizations"
# For each fault: the file, the text to replace, the replacement, and the text in the output that reports the fault.
FAULTS = {
    "undeclared error code": (
        f"{_ORGANIZATIONS}/routes.py",
        "@blueprint.raises(SlugTaken)\n",
        "",
        '"slug-taken" is not one of',
    ),
    "route without a row in the access matrix": (
        "tests/blueprints/files/contract.py",
        '        "GET /api/v1/files": LOGGED_IN,\n',
        "",
        'add "GET /api/v1/files": LOGGED_IN',
    ),
    "outdated OpenAPI document": (
        f"{_ORGANIZATIONS}/routes.py",
        "List your organizations.",
        "List all of your organizations.",
        "run: ./bin/flask openapi write",
    ),
    "index without a migration": (
        f"{_ORGANIZATIONS}/models.py",
        'Index(None, "organization_id", "id"),',
        'Index(None, "organization_id", "id"),\n        Index(None, "role"),',
        "test_migrated_schema_matches_models[sqlite]",
    ),
    "unbounded text": (
        f"{_ORGANIZATIONS}/schemas.py",
        'display_name = Text(100, required=True, metadata={"example": "Ada Lovelace"})',
        'display_name = fields.String(required=True, metadata={"example": "Ada Lovelace"})',
        "have no bounds",
    ),
    "email without a rate limit": (
        f"{_ORGANIZATIONS}/service.py",
        '        repository.add_membership(organization.id, owner_id, "owner")\n',
        '        repository.add_membership(organization.id, owner_id, "owner")\n'
        '        jobs.enqueue("invitations.send_invitation", invitation_id=organization.id)\n',
        "['current_mailer'], directly or in a job: declare limits=",
    ),
    "changed service function that a state machine calls": (
        "project/blueprints/invitations/service.py",
        "def expire_invitations() -> None:",
        "def expire_invitations(batches: int) -> None:",
        "FAILED tests/state_machines/test_invitation.py",
    ),
}
# The imports that the replacements need.
IMPORTS = {
    f"{_ORGANIZATIONS}/service.py": "from project.infrastructure import jobs",
    f"{_ORGANIZATIONS}/schemas.py": "from marshmallow import fields",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A new repository whose only commit has the files of this one, including uncommitted changes."""
    listed = _run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), listed):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to((ROOT / ".venv").resolve())
    _run(tmp_path, "git", "init", "--initial-branch=main")
    _run(tmp_path, "git", "add", "--all", ":!.venv")
    _run(tmp_path, "git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--message=Start")
    return tmp_path


@pytest.mark.full
@pytest.mark.timeout(900)
def test_quick_run_reports_each_seeded_fault(copy: Path) -> None:
    for file, old, new, _report in FAULTS.values():
        _replace(copy / file, old, new)
    for file, line in IMPORTS.items():
        _replace(copy / file, "\nfrom project", f"\n{line}\nfrom project")
    result = _run(copy, "./bin/test", "--quick", check=False)
    assert result.returncode == 1, result.stdout
    assert [fault for fault, (*_change, report) in FAULTS.items() if report not in result.stdout] == [], result.stdout


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} no longer contains {old!r}"
    file.write_text(text.replace(old, new, 1))


def _run(folder: Path, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=check)
