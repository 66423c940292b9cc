"""Removing files for good: never the bytes of one that can still be seen."""

from uuid import UUID

from flask import Flask

from project.blueprints.files import repository
from project.blueprints.files.service.trash import purge_file
from tests.kit.clients.api import Api, created


def test_upload_that_ended_while_it_was_swept_keeps_its_bytes(api: Api, app: Flask) -> None:
    ada = api.signed_in()
    file = created(ada.upload(b"kept"))
    with app.app_context():
        purge_file(repository.find_file(UUID(file["id"])), "pending")
    assert ada.get(f"/files/{file['id']}/content").data == b"kept"


def test_failed_upload_leaves_nothing(api: Api, app: Flask) -> None:
    ada = api.signed_in()
    foreign = api.signed_in().organization()
    assert ada.upload(b"lost", organization_id=foreign["id"]).status_code == 404
    folder = app.extensions["settings"].data_dir / "files"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
