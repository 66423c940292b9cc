"""Operations on files."""

from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from project.blueprints.files import repository, service
from project.blueprints.files.models import FileLocation
from project.blueprints.files.service.trash import purge_file
from project.blueprints.files.service.uploads import Receipt, ReceivedUpload
from project.errors import NotFound
from project.infrastructure.database import transaction
from project.infrastructure.storage import ObjectMissing, current_storage
from tests.kit.clients.api import form, success
from tests.kit.fixtures.pictures import picture
from tests.kit.interleaving.operations import World, operation, prepared, send_with_key

_VERSIONS = {2}  # an upload inserts a row, and updates it


def _upload_picture(world: World) -> UUID:
    return UUID(success(world.owner.upload(picture(), "picture.png"))["id"])


@prepared
def picture_id(world: World) -> UUID:
    return _upload_picture(world)


@prepared
def trashed_location(world: World) -> FileLocation:
    """A picture in the trash, without thumbnails."""
    file_id = _upload_picture(world)
    assert world.owner.delete(f"/files/{file_id}").status_code == 204
    return FileLocation(file_id, f"{file_id.hex[-2:]}/{file_id.hex}", thumbnail_sizes=())


@prepared
def slow_upload(world: World) -> ReceivedUpload:
    """An upload whose content has been received, but that takes so long that it may be removed."""
    with world.app.app_context(), transaction():
        location = repository.add_pending(world.owner_id)
        current_storage().put(f"{location.storage_key}/original", [b"slow"])
    receipt = Receipt(size=4, sha256=sha256(b"slow").hexdigest(), content_type="text/plain")
    options = service.UploadOptions(organization_id=None, sha256=None)
    return ReceivedUpload(location, world.owner_id, receipt, "slow.txt", options)


@prepared
def outdated_picture_id(world: World) -> UUID:
    """A picture that lacks a thumbnail of one size."""
    file_id = _upload_picture(world)
    with world.app.app_context(), transaction():
        repository.mark_thumbnails_ready(file_id, {"small"})
    return file_id


@operation
def upload_file(world: World) -> Any:
    options = service.UploadOptions(organization_id=world.organization_id, sha256=None)
    with service.receive_upload(
        owner_id=world.owner_id, filename="a.txt", chunks=[b"a"], read_options=lambda: options
    ) as received:
        return service.store_upload(received)


@operation
def upload_file_with_key(world: World) -> Any:
    body, content_type = form(b"hello", "hello.txt")
    return send_with_key(world.owner, "/files", data=body, content_type=content_type)


@operation
def rename_file(world: World) -> Any:
    return service.update_file(picture_id(world), world.owner_id, versions=_VERSIONS, filename="renamed.png")


@operation
def delete_file(world: World) -> Any:
    return service.trash_file(picture_id(world), world.owner_id, versions=_VERSIONS)


@operation
def make_thumbnails(world: World) -> Any:
    return service.make_thumbnails(picture_id(world))


@operation(gives_way="fails if the original has been purged", error=ObjectMissing)
def make_thumbnails_of_trashed_file(world: World) -> Any:
    return service.make_thumbnails(trashed_location(world).id)


@operation
def mark_thumbnails_failed(world: World) -> Any:
    return service.mark_thumbnails_failed(picture_id(world))


@operation(gives_way="skips locked rows, which the next run finds")
def add_thumbnails(_world: World) -> Any:
    return service.add_thumbnails()


@operation
def purge_files(_world: World) -> Any:
    return service.purge_files()


@operation
def finish_slow_upload(world: World) -> Any:
    upload = slow_upload(world)
    try:
        return service.store_upload(replace(upload))
    except NotFound:
        purge_file(upload.location, "pending")
        raise


@operation
def purge_slow_upload(world: World) -> Any:
    return purge_file(slow_upload(world).location, "pending")


@operation
def purge_trashed_file(world: World) -> Any:
    return purge_file(trashed_location(world), "trashed")
