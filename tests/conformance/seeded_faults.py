"""A blueprint with ten faults that people and coding agents make, and one route that is as it should be."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from flask import Response, abort, jsonify, make_response
from marshmallow import fields

from project.blueprints.auth import service as auth
from project.blueprints.auth.schemas import UserResponse
from project.blueprints.organizations import service as organizations
from project.blueprints.organizations.errors import SlugTaken
from project.errors import NotFound
from project.http.auth.identity import current_user_id
from project.http.fields import Id, Text
from project.http.openapi import Blueprint
from project.http.requests.schemas import Body
from project.http.routing.access import public, user
from project.http.routing.rule import CREATES_ANOTHER

blueprint = Blueprint("planted", __name__, url_prefix="/planted", description="Faults")

_things: dict[UUID, SimpleNamespace] = {}
_names: set[str] = set()


class ThingRequest(Body):
    name = Text(100, required=True)


class ThingResponse(Body):
    id = Id(required=True)
    name = Text(100, required=True)


class LongRequest(Body):
    note = fields.String(required=True)


class ListResponse(Body):
    items = fields.List(fields.Nested(ThingResponse), required=True, metadata={"maxItems": 100})


@blueprint.get("/open", access=public, exempt={"etag": "not versioned"})
@blueprint.response(200, ListResponse)
def read_openly() -> Any:
    """Show everything to everyone."""
    return {"items": []}


@blueprint.get("/whole", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, UserResponse)
def dump_whole() -> Response:
    """Dump the row, and the hash of the password with it."""
    row = auth.get_user(current_user_id())._mapping
    return jsonify({name: value if isinstance(value, bool | int) else str(value) for name, value in row.items()})


@blueprint.post("/aborting", access=user)
@blueprint.arguments(ThingRequest)
@blueprint.response(201, ThingResponse)
def abort_with_text(body: dict[str, Any]) -> Any:
    """Abort by hand."""
    if body["name"] in _names:
        abort(make_response("taken", 400))
    _names.add(body["name"])
    return {"id": uuid4(), **body}


@blueprint.get("/list", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, ListResponse)
def list_all() -> Any:
    """List all there is."""
    return {"items": list(_things.values())}


@blueprint.post("/creating", access=user, handles_idempotency=True)
@blueprint.arguments(ThingRequest)
@blueprint.response(201, ThingResponse)
def create_twice(body: dict[str, Any]) -> Any:
    """Create another one with each retry."""
    return organizations.create_organization(owner_id=current_user_id(), slug=None, **body)


@blueprint.post("/conflicting", access=user)
@blueprint.arguments(ThingRequest)
@blueprint.response(201, ThingResponse)
def refuse_undocumented(body: dict[str, Any]) -> Any:
    """Refuse what the document does not say."""
    if body["name"] in _names:
        raise SlugTaken
    _names.add(body["name"])
    return {"id": uuid4(), **body}


@blueprint.post("/things", access=user, on_retry=CREATES_ANOTHER)
@blueprint.arguments(ThingRequest)
@blueprint.response(201, ThingResponse)
def create_thing(body: dict[str, Any]) -> Any:
    """Create a thing."""
    thing = SimpleNamespace(id=uuid4(), version=1, owner_id=current_user_id(), **body)
    _things[thing.id] = thing
    return thing


@blueprint.get("/things/<uuid:thing_id>", access=user)
@blueprint.response(200, ThingResponse)
def get_anyones_thing(thing_id: UUID) -> Any:
    """Read a thing, whoever's it is."""
    return _thing(thing_id)


@blueprint.patch("/things/<uuid:thing_id>", access=user)
@blueprint.arguments(ThingRequest)
@blueprint.response(200, ThingResponse)
def update_any_version(body: dict[str, Any], thing_id: UUID) -> Any:
    """Change a thing, whatever version was read."""
    thing = _thing(thing_id)
    if thing.owner_id != current_user_id():
        raise NotFound
    thing.name, thing.version = body["name"], thing.version + 1
    return thing


@blueprint.post("/long", access=user)
@blueprint.arguments(LongRequest)
@blueprint.response(201, ThingResponse)
def take_any_length(body: dict[str, Any]) -> Any:
    """Take text of any length."""
    return {"id": uuid4(), "name": body["note"][:100]}


@blueprint.get("/writing", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, ThingResponse)
def read_and_write() -> Any:
    """Write when read."""
    return organizations.create_organization(owner_id=current_user_id(), name="Written", slug=None)


@blueprint.get("/ending", access=user, exempt={"etag": "not versioned"})
@blueprint.deprecated(
    since=datetime(2026, 1, 1, tzinfo=UTC), sunset=datetime(2027, 1, 1, tzinfo=UTC), link="https://example.com/instead"
)
@blueprint.response(200, ThingResponse)
def get_ending() -> Any:
    """Read what comes to an end; nothing is wrong with this one."""
    return {"id": uuid4(), "name": "Ending"}


def _thing(thing_id: UUID) -> SimpleNamespace:
    if thing_id not in _things:
        raise NotFound
    return _things[thing_id]
