"""Purging keeps the content of visible files, and failed uploads leave no content behind."""

from uuid import UUID

from flask import Flask

from project.blueprints.files import repository
from project.blueprints.files.service.trash import purge_file
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
