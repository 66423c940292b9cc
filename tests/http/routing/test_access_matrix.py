"""Who gets through to which route: each one of the API, asked by each kind of caller."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from project.blueprints.files import service as files
from project.cli.routes import api_routes
from project.infrastructure import signing
from project.infrastructure.database import db
from tests.kit.clients.api import Api, created
from tests.kit.fixtures.administrators import administrator
from tests.kit.fixtures.jobs import dead_job

ROLES = ("stranger", "user", "member", "admin", "owner", "platform admin")
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
OPEN = "open"
# What each of ROLES meets, in their order; `user` belongs to nothing, and the file is a personal one of `owner`.
EVERYONE = (OPEN,) * 6
SIGNED_IN = (401, OPEN, OPEN, OPEN, OPEN, OPEN)
MEMBERS = (401, 404, OPEN, OPEN, OPEN, 404)
ADMINS = (401, 404, 403, OPEN, OPEN, 404)
OWNERS = (401, 404, 404, 404, OPEN, 404)
ADMINISTRATORS = (401, 403, 403, 403, 403, OPEN)
MATRIX = {
    "GET /.well-known/jwks.json": EVERYONE,
    "GET /api/v1/openapi.json": EVERYONE,
    "GET /health/live": EVERYONE,
    "GET /health/ready": EVERYONE,
    "POST /api/v1/auth/login": EVERYONE,
    "POST /api/v1/auth/logout": SIGNED_IN,
    "GET /api/v1/auth/me": SIGNED_IN,
    "PATCH /api/v1/auth/me": SIGNED_IN,
    "POST /api/v1/auth/refresh": EVERYONE,
    "POST /api/v1/auth/register": EVERYONE,
    "GET /api/v1/files": SIGNED_IN,
    "POST /api/v1/files": SIGNED_IN,
    "GET /api/v1/files/{file_id}": OWNERS,
    "PATCH /api/v1/files/{file_id}": OWNERS,
    "DELETE /api/v1/files/{file_id}": OWNERS,
    "GET /api/v1/files/{file_id}/content": OWNERS,
    "GET /api/v1/files/{file_id}/thumbnails/{size}": OWNERS,
    "POST /api/v1/invitations/accept": SIGNED_IN,
    "POST /api/v1/invitations/lookup": EVERYONE,
    "POST /api/v1/invitations/register": EVERYONE,
    "GET /api/v1/jobs": ADMINISTRATORS,
    "GET /api/v1/jobs/{job_id}": ADMINISTRATORS,
    "DELETE /api/v1/jobs/{job_id}": ADMINISTRATORS,
    "POST /api/v1/jobs/{job_id}/retry": ADMINISTRATORS,
    "GET /api/v1/organizations": SIGNED_IN,
    "POST /api/v1/organizations": SIGNED_IN,
    "GET /api/v1/organizations/{organization_id}": MEMBERS,
    "GET /api/v1/organizations/{organization_id}/invitations": ADMINS,
    "POST /api/v1/organizations/{organization_id}/invitations": ADMINS,
    "GET /api/v1/organizations/{organization_id}/invitations/{invitation_id}": ADMINS,
    "GET /api/v1/organizations/{organization_id}/members": MEMBERS,
}
# The same for a file of the organization that `owner` uploaded.
OF_ORGANIZATION = {
    "GET /api/v1/files/{file_id}": MEMBERS,
    "PATCH /api/v1/files/{file_id}": ADMINS,
    "DELETE /api/v1/files/{file_id}": ADMINS,
    "GET /api/v1/files/{file_id}/content": MEMBERS,
    "GET /api/v1/files/{file_id}/thumbnails/{size}": MEMBERS,
}
# Bodies for routes that judge them before they look for what the path names.
BODIES = {"PATCH /api/v1/files/{file_id}": {"filename": "other.png"}}


@dataclass(frozen=True)
class World:
    """Somebody of each role, the ids that paths name, and the database as it was when all was made."""

    app: Flask
    callers: dict[str, Api]
    ids: dict[str, str]
    organization_file_id: str

    def meets(self, role: str, route: str, **ids: str) -> int | str:
        """How `role` fares at a route, where nobody has done anything yet."""
        _restore(self.app)
        method, path = route.split()
        caller = self.callers[role]
        headers = {"Authorization": f"Bearer {caller.tokens['access_token']}"} if caller.tokens else {}
        url = path.format(**(self.ids | ids))
        answer = caller.client.open(url, method=method, headers=headers, json=BODIES.get(route), buffered=True)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        return answer.status_code if answer.status_code in (401, 403, 404) else OPEN


@pytest.fixture(scope="module")
def world(shared_app: Flask, shared_api: Api) -> World:
    """An organization with its people, a file of it, and one of its owner alone."""
    owner = shared_api.signed_in()
    organization_id = owner.organization()["id"]
    callers = {
        "stranger": shared_api,
        "user": owner.signed_in(),
        "member": _joined(shared_app, owner, organization_id, "member"),
        "admin": _joined(shared_app, owner, organization_id, "admin"),
        "owner": owner,
        "platform admin": administrator(shared_app, owner),
    }
    ids = {
        "organization_id": organization_id,
        "invitation_id": owner.invitation(organization_id, "guest@example.com")["id"],
        "file_id": _picture(shared_app, owner),
        "size": "small",
        "job_id": _dead_job(shared_app),
    }
    organization_file_id = _picture(shared_app, owner, organization_id=organization_id)
    _keep(shared_app)
    return World(shared_app, callers, ids, organization_file_id)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", MATRIX)
def test_route_lets_through_whom_it_should(route: str, role: str, world: World) -> None:
    assert world.meets(role, route) == MATRIX[route][ROLES.index(role)]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", OF_ORGANIZATION)
def test_file_of_an_organization_is_for_its_members(route: str, role: str, world: World) -> None:
    met = world.meets(role, route, file_id=world.organization_file_id)
    assert met == OF_ORGANIZATION[route][ROLES.index(role)]


def test_each_route_has_its_row(shared_app: Flask) -> None:
    routes = {f"{route.method} {route.path}" for route in api_routes(shared_app)}
    assert sorted(routes - MATRIX.keys()) == [], "routes without a row in MATRIX"
    assert sorted(MATRIX.keys() - routes) == [], "rows in MATRIX without a route"


def _joined(app: Flask, owner: Api, organization_id: str, role: str) -> Api:
    guest = owner.signed_in()
    invitation = owner.invitation(organization_id, guest.user["email"], role)
    with app.app_context():
        token = signing.issue("invitation", UUID(invitation["id"]), 1)
    created(guest.post("/invitations/accept", {"token": token}))
    return guest


def _dead_job(app: Flask) -> str:
    with app.app_context():
        return str(dead_job())


def _picture(app: Flask, owner: Api, **fields: str) -> str:
    """The id of a picture whose thumbnails are ready."""
    file_id = str(created(owner.upload(PNG, "cat.png", **fields))["id"])
    with app.app_context():
        files.make_thumbnails(UUID(file_id))
    return file_id


def _keep(app: Flask) -> None:
    """Remember the database as it is."""
    shutil.copy(_database(app), _database(app).with_name("kept.db"))


def _restore(app: Flask) -> None:
    """Make the database what it was: a deletion by one caller is nothing to the next."""
    shutil.copy(_database(app).with_name("kept.db"), _database(app))


def _database(app: Flask) -> Path:
    """The file of the database, which the last connection that closes leaves whole."""
    with app.app_context():
        db.engine.dispose()
    return Path(app.extensions["settings"].data_dir) / "app.db"
