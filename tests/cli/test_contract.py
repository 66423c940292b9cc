"""The committed API document matches the routes. Incompatible changes require an exception and are recorded."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import Result
from flask import Flask

from project.app import create_app
from project.cli.contract import DOCS, contract_text, violations
from project.cli.git import run_git
from project.config import Settings
from project.http.openapi import api_document
from tests.cli.document_changes import Change, member

COMMAND = "run: ./bin/flask openapi write"
IF_INTENDED = 'If intended, add {"change": "<the sentence>", "reason": "…"} to docs/openapi-exceptions.json and '
COLOR_REMOVED = "POST /api/v1/organizations: the request member `color` was removed"
EXCEPTION = {"change": COLOR_REMOVED, "reason": "No client sent it."}


@pytest.fixture
def folder(tmp_path: Path, document: dict[str, Any]) -> Path:
    """A folder like `docs` whose API document still contains a member that the routes no longer have."""
    color = Change(member("OrganizationRequest.color"), new={"type": "string"})
    _, old_document = color.apply(document)
    (tmp_path / "openapi.json").write_text(contract_text(old_document))
    return tmp_path


def write(app: Flask, folder: Path) -> Result:
    return app.test_cli_runner().invoke(args=["openapi", "write", "--folder", str(folder)])


def allow(folder: Path, *exceptions: dict[str, str]) -> None:
    (folder / "openapi-exceptions.json").write_text(json.dumps(exceptions))


def test_every_incompatible_change_to_the_routes_is_listed_as_an_exception(document: dict[str, Any]) -> None:
    reasons = violations(document)
    assert not reasons, "\n".join([*reasons, IF_INTENDED + COMMAND])


def test_committed_api_document_matches_the_routes(document: dict[str, Any]) -> None:
    assert (DOCS / "openapi.json").read_text() == contract_text(document), COMMAND


def test_api_document_does_not_depend_on_settings(document: dict[str, Any], tmp_path: Path) -> None:
    other_values = {
        name: field.default * 2
        for name, field in Settings.model_fields.items()
        if name.endswith(("_seconds", "_bytes", "_pixels", "_minute", "_minutes", "_hour", "_attempts"))
    }
    settings = Settings(
        app_env="development", data_dir=tmp_path, port=9000, allowed_content_types=("text/plain",), **other_values
    )
    assert contract_text(api_document(create_app(settings))) == contract_text(document)


def test_incompatible_change_without_an_exception_is_reported_and_not_written(idle_app: Flask, folder: Path) -> None:
    before = (folder / "openapi.json").read_text()
    result = write(idle_app, folder)
    assert (result.exit_code, result.stderr) == (1, f"{COLOR_REMOVED}\n")
    assert (folder / "openapi.json").read_text() == before


def test_change_with_an_exception_is_written_and_recorded_and_the_exception_is_removed(
    idle_app: Flask, folder: Path, document: Any
) -> None:
    allow(folder, EXCEPTION)
    assert write(idle_app, folder).exit_code == 0
    assert (folder / "openapi.json").read_text() == contract_text(document)
    assert json.loads((folder / "openapi-exceptions.json").read_text()) == []
    day = datetime.now(UTC).date()
    record = f"- {day}: {COLOR_REMOVED}. Reason: No client sent it.\n"
    assert (folder / "breaking-changes.md").read_text() == record


def test_recording_a_change_keeps_earlier_records(idle_app: Flask, folder: Path) -> None:
    (folder / "breaking-changes.md").write_text("# Breaking changes\n\n- earlier\n")
    allow(folder, EXCEPTION)
    write(idle_app, folder)
    assert (folder / "breaking-changes.md").read_text().startswith("# Breaking changes\n\n- earlier\n- ")


def test_exception_without_a_matching_change_is_rejected(folder: Path, document: dict[str, Any]) -> None:
    allow(folder, EXCEPTION, {"change": "GET /old: the operation was removed", "reason": "It was unused."})
    assert violations(document, folder) == [
        "docs/openapi-exceptions.json lists a change that was not made: GET /old: the operation was removed"
    ]


@pytest.mark.parametrize("exception", [{"change": COLOR_REMOVED}, {"change": COLOR_REMOVED, "reason": " "}])
def test_exception_without_a_reason_is_rejected(exception: dict[str, str], idle_app: Flask, folder: Path) -> None:
    allow(folder, exception)
    result = write(idle_app, folder)
    assert (result.exit_code, result.stderr) == (
        1,
        f"docs/openapi-exceptions.json gives no reason for: {COLOR_REMOVED}\n",
    )


def test_api_document_is_written_if_none_exists(idle_app: Flask, tmp_path: Path, document: dict[str, Any]) -> None:
    assert write(idle_app, tmp_path).exit_code == 0
    assert (tmp_path / "openapi.json").read_text() == contract_text(document)


def commit(folder: Path) -> None:
    run_git(folder, "add", ".")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    run_git(folder, *identity, "commit", "-q", "-m", "Release")


@pytest.fixture
def repository(folder: Path) -> Path:
    """The same folder as a Git repository in which its files are committed."""
    (folder / "breaking-changes.md").write_text("# Breaking changes\n\n")
    run_git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def write_draft(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Write a document that adds a second member to the one in `folder`, and return the latter."""
    color = Change(member("OrganizationRequest.color"), new={"type": "string"})
    size = Change(member("OrganizationRequest.size"), new={"type": "string"})
    before = color.apply(document)[1]
    (folder / "openapi.json").write_text(contract_text(size.apply(before)[1]))
    return before


def test_change_to_an_uncommitted_document_is_allowed(repository: Path, document: dict[str, Any]) -> None:
    before = write_draft(repository, document)
    assert violations(before, repository) == []
    assert violations(document, repository) == [COLOR_REMOVED]


@pytest.mark.parametrize("main", ["refs/remotes/origin/main", "refs/heads/main"])
def test_change_to_what_only_the_branch_contains_is_allowed(
    repository: Path, document: dict[str, Any], main: str
) -> None:
    run_git(repository, "checkout", "-q", "-b", "notes")
    run_git(repository, "branch", "-q", "-D", "main")
    run_git(repository, "update-ref", main, "HEAD")
    before = write_draft(repository, document)
    commit(repository)
    assert violations(before, repository) == []
    assert violations(document, repository) == [COLOR_REMOVED]


def test_document_without_a_commit_is_allowed(folder: Path, document: dict[str, Any]) -> None:
    run_git(folder, "init", "-q")
    assert violations(document, folder) == []


def test_document_that_was_not_in_the_last_commit_is_allowed(repository: Path, document: dict[str, Any]) -> None:
    (repository / "docs").mkdir()
    (repository / "openapi.json").rename(repository / "docs/openapi.json")
    assert violations(document, repository / "docs") == []


def test_repository_of_another_user_is_read(
    repository: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_draft(repository, document)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert violations(before, repository) == []


def test_current_document_is_the_base_without_git(
    repository: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_draft(repository, document)
    monkeypatch.setenv("PATH", "")
    assert violations(before, repository) == [COLOR_REMOVED.replace("color", "size")]


def test_failure_of_git_is_reported(repository: Path, document: dict[str, Any]) -> None:
    (repository / ".git/HEAD").write_text("damaged")
    with pytest.raises(ClickException, match="not a git repository"):
        violations(document, repository)


def test_repository_of_a_running_git_hook_is_ignored(
    repository: Path, document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    other = tmp_path_factory.mktemp("other")
    run_git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    before = write_draft(repository, document)
    assert violations(before, repository) == []


def test_recorded_change_is_not_reported_again_before_it_is_committed(idle_app: Flask, repository: Path) -> None:
    allow(repository, EXCEPTION)
    assert [write(idle_app, repository).exit_code for _ in range(2)] == [0, 0]
    assert (repository / "breaking-changes.md").read_text().count(COLOR_REMOVED) == 1


@pytest.mark.parametrize(("old", "new"), [("# Breaking changes", "# Changes"), ("Unused", "Nobody sent it")])
def test_change_in_an_earlier_record_is_reported_even_if_the_file_was_edited(
    repository: Path, document: dict[str, Any], old: str, new: str
) -> None:
    record = repository / "breaking-changes.md"
    record.write_text(f"# Breaking changes\n\n- 2026-01-02: {COLOR_REMOVED}. Reason: Unused.\n")
    commit(repository)
    record.write_text(record.read_text().replace(old, new))
    assert violations(document, repository) == [COLOR_REMOVED]


def test_uncommitted_record_of_a_change_that_was_undone_is_reported(
    idle_app: Flask, repository: Path, document: dict[str, Any]
) -> None:
    before = write_draft(repository, document)
    allow(repository, EXCEPTION)
    assert write(idle_app, repository).exit_code == 0
    assert violations(before, repository) == [
        f"docs/breaking-changes.md records a change that was not made: {COLOR_REMOVED}"
    ]
