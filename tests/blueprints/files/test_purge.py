"""Purging keeps the content of visible files, and failed uploads leave no content behind."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import repository
from project.blueprints.files.service.trash import purge_file
from project.infrastructure.clock import now
from project.infrastructure.storage import StorageUnavailable
from tests.kit.clients.api import Api, success


def test_purge_keeps_content_of_upload_that_completes_concurrently(api: Api, app: Flask) -> None:
    ada = api.as_new_user()
    file = success(ada.upload(b"kept"))
    with app.app_context():
        purge_file(repository.find_file(UUID(file["id"])), "pending")
    assert ada.get(f"/files/{file['id']}/content").data == b"kept"


def test_failed_upload_leaves_no_stored_object(api: Api, app: Flask) -> None:
    ada = api.as_new_user()
    other_organization = api.as_new_user().organization()
    assert ada.upload(b"lost", organization_id=other_organization["id"]).status_code == 404
    folder = app.extensions["settings"].data_dir / "files"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_failure_to_delete_a_failed_upload_is_logged_and_leaves_it_for_the_purge_job(
    api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_key: str) -> None:
        raise StorageUnavailable

    ada = api.as_new_user()
    monkeypatch.setattr(app.extensions["storage"], "delete", fail)
    assert ada.upload(b"lost", sha256="0" * 64).status_code == 422
    assert "files.upload_cleanup_failed" in caplog.text
    with app.app_context():
        assert len(repository.list_overdue("purging", now() + timedelta(seconds=1), 9)) == 1
