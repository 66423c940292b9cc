"""The committed API document is what the routes say, and is broken only on purpose and on record."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from project.app import create_app
from project.cli.contract import DOCS, contract_text, objections
from project.config import Settings
from project.http.openapi import api_document
from tests.cli.document_changes import Change, member

COMMAND = "run: APP_ENV=development .venv/bin/flask --app wsgi openapi write"
ON_PURPOSE = 'on purpose? Give {"change": "<the sentence>", "reason": "…"} in docs/openapi-exceptions.json, and then '
COLOUR_IS_GONE = "POST /api/v1/organizations: the request member `colour` is gone"
EXCEPTION = {"change": COLOUR_IS_GONE, "reason": "Nobody sent it."}


@pytest.fixture
def folder(tmp_path: Path, document: dict[str, Any]) -> Path:
    """A folder like `docs`, whose document promises a member that there is no longer."""
    colour = Change(member("OrganizationRequest.colour"), new={"type": "string"})
    _, promised = colour.plant(document)
    (tmp_path / "openapi.json").write_text(contract_text(promised))
    return tmp_path


def write(app: Flask, folder: Path) -> Result:
    return app.test_cli_runner().invoke(args=["openapi", "write", "--folder", str(folder)])


def permit(folder: Path, *exceptions: dict[str, str]) -> None:
    (folder / "openapi-exceptions.json").write_text(json.dumps(exceptions))


def test_no_client_is_broken_unawares(document: dict[str, Any]) -> None:
    reasons = objections(document)
    assert not reasons, "\n".join([*reasons, ON_PURPOSE + COMMAND])


def test_document_in_the_documentation_is_in_step_with_the_routes(document: dict[str, Any]) -> None:
    assert (DOCS / "openapi.json").read_text() == contract_text(document), COMMAND


def test_document_is_the_same_whoever_writes_it(document: dict[str, Any], tmp_path: Path) -> None:
    others = {
        name: field.default * 2
        for name, field in Settings.model_fields.items()
        if name.endswith(("_seconds", "_bytes", "_pixels", "_per_minute", "_attempts"))
    }
    settings = Settings(
        app_env="development", data_dir=tmp_path, port=9000, allowed_content_types=("text/plain",), **others
    )
    assert contract_text(api_document(create_app(settings))) == contract_text(document)


def test_incompatible_change_is_not_written(idle_app: Flask, folder: Path) -> None:
    before = (folder / "openapi.json").read_text()
    done = write(idle_app, folder)
    assert (done.exit_code, done.stderr) == (1, f"{COLOUR_IS_GONE}\n")
    assert (folder / "openapi.json").read_text() == before


def test_exception_permits_one_write_and_stays_on_record(idle_app: Flask, folder: Path, document: Any) -> None:
    permit(folder, EXCEPTION)
    assert write(idle_app, folder).exit_code == 0
    assert (folder / "openapi.json").read_text() == contract_text(document)
    assert json.loads((folder / "openapi-exceptions.json").read_text()) == []
    day = datetime.now(UTC).date()
    record = f"- {day}: {COLOUR_IS_GONE}. Reason: Nobody sent it.\n"
    assert (folder / "breaking-changes.md").read_text() == record


def test_record_keeps_what_was_broken_before(idle_app: Flask, folder: Path) -> None:
    (folder / "breaking-changes.md").write_text("# Breaking changes\n\n- of old\n")
    permit(folder, EXCEPTION)
    write(idle_app, folder)
    assert (folder / "breaking-changes.md").read_text().startswith("# Breaking changes\n\n- of old\n- ")


def test_exception_for_no_present_change_is_refused(folder: Path, document: dict[str, Any]) -> None:
    permit(folder, EXCEPTION, {"change": "GET /old: the operation is gone", "reason": "It was old."})
    assert objections(document, folder) == [
        "docs/openapi-exceptions.json permits what has not changed: GET /old: the operation is gone"
    ]


@pytest.mark.parametrize("exception", [{"change": COLOUR_IS_GONE}, {"change": COLOUR_IS_GONE, "reason": " "}])
def test_exception_without_a_reason_is_refused(exception: dict[str, str], idle_app: Flask, folder: Path) -> None:
    permit(folder, exception)
    done = write(idle_app, folder)
    assert (done.exit_code, done.stderr) == (
        1,
        f"docs/openapi-exceptions.json gives no reason for: {COLOUR_IS_GONE}\n",
    )


def test_document_is_written_where_there_is_none(idle_app: Flask, tmp_path: Path, document: dict[str, Any]) -> None:
    assert write(idle_app, tmp_path).exit_code == 0
    assert (tmp_path / "openapi.json").read_text() == contract_text(document)
