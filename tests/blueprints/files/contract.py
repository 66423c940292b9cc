"""The contract of the files blueprint."""

from dataclasses import replace
from io import BytesIO
from uuid import UUID

from PIL import Image

from project.blueprints.files import service
from tests.conformance.contract import ADMINS, LOGGED_IN, MEMBERS, OWNERS, Contract
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import success


def thumbnail(world: World, _operation: Operation) -> Case:
    return Case(world.owner, path={"file_id": _upload_picture(world), "size": "small"})


def organization_file(world: World, operation: Operation) -> Case:
    """Return a request for a file that the owner uploaded for the organization."""
    file_id = _upload_picture(world, organization_id=world.organization_id)
    return replace(world.case(operation), path={"file_id": file_id, "size": "small"})


def _upload_picture(world: World, **fields: str) -> str:
    """Upload a picture, make its thumbnails, and return its id."""
    content = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(content, "PNG")
    file_id = str(success(world.owner.upload(content.getvalue(), "picture.png", **fields))["id"])
    with world.app.app_context():
        service.make_thumbnails(UUID(file_id))
    return file_id


contract = Contract(
    access={
        "GET /api/v1/files": LOGGED_IN,
        "POST /api/v1/files": LOGGED_IN,
        "GET /api/v1/files/{file_id}": OWNERS,
        "PATCH /api/v1/files/{file_id}": OWNERS,
        "DELETE /api/v1/files/{file_id}": OWNERS,
        "GET /api/v1/files/{file_id}/content": OWNERS,
        "GET /api/v1/files/{file_id}/thumbnails/{size}": OWNERS,
    },
    variants={
        organization_file: {
            "GET /api/v1/files/{file_id}": MEMBERS,
            "PATCH /api/v1/files/{file_id}": ADMINS,
            "DELETE /api/v1/files/{file_id}": ADMINS,
            "GET /api/v1/files/{file_id}/content": MEMBERS,
            "GET /api/v1/files/{file_id}/thumbnails/{size}": MEMBERS,
        }
    },
    recipes={"get_thumbnail": thumbnail},
)
