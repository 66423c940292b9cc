"""Access control: the outcome of every API route for every role."""

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
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.jobs import dead_job

ROLES = ("anonymous", "user", "member", "admin", "owner", "platform admin")
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
OPEN = "open"
# Outcomes in the order of ROLES. `user` belongs to no organization, and the file is a personal file of `owner`.
EVERYONE = (OPEN,) * 6
LOGGED_IN = (401, OPEN, OPEN, OPEN, OPEN, OPEN)
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
    "POST /api/v1/auth/logout": LOGGED_IN,
    "GET /api/v1/auth/me": LOGGED_IN,
    "PATCH /api/v1/auth/me": LOGGED_IN,
    "POST /api/v1/auth/refresh": EVERYONE,
    "POST /api/v1/auth/register": EVERYONE,
    "GET /api/v1/files": LOGGED_IN,
    "POST /api/v1/files": LOGGED_IN,
    "GET /api/v1/files/{file_id}": OWNERS,
    "PATCH /api/v1/files/{file_id}": OWNERS,
    "DELETE /api/v1/files/{file_id}": OWNERS,
    "GET /api/v1/files/{file_id}/content": OWNERS,
    "GET /api/v1/files/{file_id}/thumbnails/{size}": OWNERS,
    "POST /api/v1/invitations/accept": LOGGED_IN,
    "POST /api/v1/invitations/lookup": EVERYONE,
    "POST /api/v1/invitations/register": EVERYONE,
    "GET /api/v1/jobs": ADMINISTRATORS,
    "GET /api/v1/jobs/{job_id}": ADMINISTRATORS,
    "DELETE /api/v1/jobs/{job_id}": ADMINISTRATORS,
    "POST /api/v1/jobs/{job_id}/retry": ADMINISTRATORS,
    "GET /api/v1/organizations": LOGGED_IN,
    "POST /api/v1/organizations": LOGGED_IN,
    "GET /api/v1/organizations/{organization_id}": MEMBERS,
    "GET /api/v1/organizations/{organization_id}/invitations": ADMINS,
    "POST /api/v1/organizations/{organization_id}/invitations": ADMINS,
    "GET /api/v1/organizations/{organization_id}/invitations/{invitation_id}": ADMINS,
    "GET /api/v1/organizations/{organization_id}/members": MEMBERS,
}
# The outcomes for an organization file uploaded by `owner`.
ORGANIZATION_FILE_MATRIX = {
    "GET /api/v1/files/{file_id}": MEMBERS,
    "PATCH /api/v1/files/{file_id}": ADMINS,
    "DELETE /api/v1/files/{file_id}": ADMINS,
    "GET /api/v1/files/{file_id}/content": MEMBERS,
    "GET /api/v1/files/{file_id}/thumbnails/{size}": MEMBERS,
}
# Bodies for routes that validate the body before they look up the resource in the path.
BODIES = {"PATCH /api/v1/files/{file_id}": {"filename": "other.png"}}


@dataclass(frozen=True)
class World:
    """A caller with each role, and the IDs of the resources. Every call starts from the same database state."""

    app: Flask
    callers: dict[str, Api]
    ids: dict[str, str]
    organization_file_id: str

    def outcome(self, role: str, route: str, **ids: str) -> int | str:
        """Restore the database, call `route` as `role`, and return 401, 403, 404 or OPEN."""
        _restore(self.app)
        method, path = route.split()
        caller = self.callers[role]
        headers = {"Authorization": f"Bearer {caller.tokens['access_token']}"} if caller.tokens else {}
        url = path.format(**(self.ids | ids))
        response = caller.client.open(url, method=method, headers=headers, json=BODIES.get(route), buffered=True)
        assert response.status_code < 500, response.get_data(as_text=True)
        return response.status_code if response.status_code in (401, 403, 404) else OPEN


@pytest.fixture(scope="module")
def world(shared_app: Flask, shared_api: Api) -> World:
    """An organization with members, an invitation and a file; a personal file of the owner; and a dead job."""
    owner = shared_api.as_new_user()
    organization_id = owner.organization()["id"]
    callers = {
        "anonymous": shared_api,
        "user": owner.as_new_user(),
        "member": _join(shared_app, owner, organization_id, "member"),
        "admin": _join(shared_app, owner, organization_id, "admin"),
        "owner": owner,
        "platform admin": create_administrator(shared_app, owner),
    }
    ids = {
        "organization_id": organization_id,
        "invitation_id": owner.invitation(organization_id, "guest@example.com")["id"],
        "file_id": _upload_image(shared_app, owner),
        "size": "small",
        "job_id": _dead_job(shared_app),
    }
    organization_file_id = _upload_image(shared_app, owner, organization_id=organization_id)
    _save(shared_app)
    return World(shared_app, callers, ids, organization_file_id)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", MATRIX)
def test_route_allows_exactly_the_expected_roles(route: str, role: str, world: World) -> None:
    assert world.outcome(role, route) == MATRIX[route][ROLES.index(role)]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", ORGANIZATION_FILE_MATRIX)
def test_organization_file_is_accessible_to_exactly_the_expected_roles(route: str, role: str, world: World) -> None:
    outcome = world.outcome(role, route, file_id=world.organization_file_id)
    assert outcome == ORGANIZATION_FILE_MATRIX[route][ROLES.index(role)]


def test_every_route_is_in_the_matrix(shared_app: Flask) -> None:
    routes = {f"{route.method} {route.path}" for route in api_routes(shared_app)}
    assert sorted(routes - MATRIX.keys()) == [], "routes without a row in MATRIX"
    assert sorted(MATRIX.keys() - routes) == [], "rows in MATRIX without a route"


def _join(app: Flask, owner: Api, organization_id: str, role: str) -> Api:
    guest = owner.as_new_user()
    invitation = owner.invitation(organization_id, guest.user["email"], role)
    with app.app_context():
        token = signing.issue("invitation", UUID(invitation["id"]), 1)
    success(guest.post("/invitations/accept", {"token": token}))
    return guest


def _dead_job(app: Flask) -> str:
    with app.app_context():
        return str(dead_job())


def _upload_image(app: Flask, owner: Api, **fields: str) -> str:
    """Upload an image, make its thumbnails, and return its ID."""
    file_id = str(success(owner.upload(PNG, "cat.png", **fields))["id"])
    with app.app_context():
        files.make_thumbnails(UUID(file_id))
    return file_id


def _save(app: Flask) -> None:
    """Save a copy of the database."""
    shutil.copy(_database(app), _database(app).with_name("saved.db"))


def _restore(app: Flask) -> None:
    """Restore the saved copy, so that one caller's deletion does not affect the next caller."""
    shutil.copy(_database(app).with_name("saved.db"), _database(app))


def _database(app: Flask) -> Path:
    """Close all connections, which merges the WAL into the database file, and return the path of the file."""
    with app.app_context():
        db.engine.dispose()
    return Path(app.extensions["settings"].data_dir) / "app.db"
