"""The contract of the files blueprint."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from project.blueprints.files import service
from tests.conformance.contract import ADMINS, LOGGED_IN, MEMBERS, OWNERS, Contract, Listing
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import success
from tests.kit.fixtures.pictures import picture


def thumbnail(world: World, _operation: Operation) -> Case:
    return Case(world.owner, path={"file_id": _upload_picture(world), "size": "small"})


def organization_file(world: World, operation: Operation) -> Case:
    """Return a request for a file that the owner uploaded for the organization."""
    file_id = _upload_picture(world, organization_id=world.organization_id)
    return replace(world.case(operation), path={"file_id": file_id, "size": "small"})


def _upload_picture(world: World, **fields: str) -> str:
    """Upload a picture, make its thumbnails, and return its id."""
    file_id = str(success(world.owner.upload(picture(), "picture.png", **fields))["id"])
    with world.app.app_context():
        service.make_thumbnails(UUID(file_id))
    return file_id


_PERSONAL = "files WHERE owner_id = :caller AND organization_id IS NULL"
_SHARED = "files WHERE organization_id = :organization"
_IN_ORGANIZATION = {"organization_id": "{organization}"}
# A fifth of the files are in the trash. The oldest quarter of the caller's files, and of the organization's files, are
# images. The organization's files are newer than the caller's.
_FILES = """
INSERT INTO files (id, owner_id, organization_id, storage_key, status, filename, content_type, size, sha256,
                   thumbnails, created_at, updated_at)
SELECT row_id('files', n), owner_id, organization_id, n::text,
    CASE WHEN n % 5 = 0 THEN 'trashed' ELSE 'stored' END, 'name',
    CASE WHEN part <= {size} * 5 / 16 THEN 'image/png' ELSE 'text/plain' END, 1, repeat('0', 64), 'unsupported',
    now(), now()
FROM (SELECT n, n AS part, {caller} AS owner_id, NULL AS organization_id
      FROM generate_series(1, {size} * 5 / 4) AS n
      UNION ALL
      SELECT {size} * 2 + n, n, CASE WHEN n > {size} / 2 THEN {caller} ELSE {member} END, {organization}
      FROM generate_series(1, {size} * 5 / 4) AS n
      UNION ALL
      SELECT {size} * 4 + n, n, row_id('users', 1), NULL FROM generate_series(1, {others}) AS n) AS numbers
"""


def _listings(rows: str, user: str = "caller", **filters: str) -> Iterator[Listing]:
    for status in ("trashed",) if user == "member" else ("stored", "trashed"):
        yield Listing("list_files", f"{rows} AND status = '{status}'", {"status": status, **filters}, user)
        yield Listing(
            "list_files",
            f"{rows} AND status = '{status}' AND content_type = 'image/png'",
            {"status": status, "content_type": "image/png", **filters},
            user,
        )


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
    listings=[
        *_listings(_PERSONAL),
        *_listings(_SHARED, **_IN_ORGANIZATION),
        *_listings(f"{_SHARED} AND owner_id = :member", user="member", **_IN_ORGANIZATION),
    ],
    bulk_rows=[_FILES],
)
