"""A blueprint with faults that developers and coding agents commonly introduce, and five correct routes."""

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from flask import Response, abort, jsonify, make_response
from marshmallow import fields

from project.blueprints.auth import service as auth
from project.blueprints.auth.errors import InvalidCredentials
from project.blueprints.auth.schemas import UserResponse
from project.blueprints.invitations.jobs import SEND_INVITATION
from project.blueprints.organizations import service as organizations
from project.blueprints.organizations.errors import SlugTaken
from project.errors import NotFound
from project.http.auth.identity import current_user_id
from project.http.fields import Id, Text
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_response
from project.http.requests.schemas import Body, PageQuery, page_of
from project.http.routing.access import every_user, member, public, user
from project.http.routing.limits import LOGINS
from project.http.routing.rule import CREATES_ANOTHER
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import Page

blueprint = Blueprint("seeded", __name__, url_prefix="/seeded", description="Seeded faults")

_notes: dict[UUID, SimpleNamespace] = {}
_names: set[str] = set()


class NoteRequest(Body):
    name = Text(100, required=True)


class NoteResponse(Body):
    id = Id(required=True)
    name = Text(100, required=True)


class UnboundedRequest(Body):
    text = fields.String(required=True)


class DetailedNoteRequest(NoteRequest):
    text = Text(100)


class DetailedNoteResponse(NoteResponse):
    text = Text(100)


class NoteQuery(PageQuery):
    name = Text(100)


class ListResponse(Body):
    items = fields.List(fields.Nested(NoteResponse), required=True, metadata={"maxItems": 100})


@blueprint.get("/public", access=public, exempt={"etag": "not versioned"})
@blueprint.response(200, ListResponse)
def list_publicly() -> Any:
    """List notes publicly without declaring a reason."""
    return {"items": []}


@blueprint.get("/row", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, UserResponse)
def dump_row() -> Response:
    """Return the whole row, including the password hash."""
    row = asdict(auth.get_user(current_user_id()))
    return jsonify({name: value if isinstance(value, bool | int) else str(value) for name, value in row.items()})


@blueprint.post("/abort", access=user)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def abort_with_text(body: dict[str, Any]) -> Any:
    """Abort with a plain-text error."""
    if body["name"] in _names:
        abort(make_response("taken", 400))
    _names.add(body["name"])
    return {"id": uuid4(), **body}


@blueprint.get("/all", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, ListResponse)
def list_all() -> Any:
    """List all notes without pagination."""
    return {"items": list(_notes.values())}


@blueprint.get("/unfiltered", access=user, exempt={"etag": "not versioned"})
@blueprint.arguments(NoteQuery, location="query")
@blueprint.response(200, page_of(NoteResponse))
def ignore_filter(query: dict[str, Any]) -> Any:
    """List notes without applying the filter."""
    return page_response(Page([{"id": uuid4(), "name": "Note"}], None))


@blueprint.post("/twice", access=user, handles_idempotency=True)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def create_twice(body: dict[str, Any]) -> Any:
    """Create another organization on each retry."""
    return organizations.create_organization(owner_id=current_user_id(), slug=None, **body)


@blueprint.post("/undocumented", access=user)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def raise_undocumented(body: dict[str, Any]) -> Any:
    """Raise an undocumented problem."""
    if body["name"] in _names:
        raise SlugTaken
    _names.add(body["name"])
    return {"id": uuid4(), **body}


@blueprint.post("/notes", access=user, on_retry=CREATES_ANOTHER)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def create_note(body: dict[str, Any]) -> Any:
    """Create a note. This route is correct."""
    return _add_note(body)


@blueprint.post("/organizations/<uuid:organization_id>/drafts", access=member(), on_retry=CREATES_ANOTHER)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def create_draft_of_organization(body: dict[str, Any], organization_id: UUID) -> Any:
    """Create a draft that `GET /drafts/{draft_id}` returns. This route is correct."""
    return _add_note(body)


@blueprint.get("/drafts/<uuid:draft_id>", access=user)
@blueprint.response(200, NoteResponse)
def get_draft(draft_id: UUID) -> Any:
    """Get a draft. This route is correct."""
    return _own_note(draft_id)


@blueprint.post("/forgotten", access=user, on_retry=CREATES_ANOTHER)
@blueprint.arguments(DetailedNoteRequest)
@blueprint.response(201, DetailedNoteResponse)
def forget_optional_member(body: dict[str, Any]) -> Any:
    """Create a note without its text."""
    return {"id": uuid4(), "name": body["name"], "text": ""}


@blueprint.get("/notes/<uuid:note_id>", access=user)
@blueprint.response(200, NoteResponse)
def get_of_any_user(note_id: UUID) -> Any:
    """Get a note without checking its owner."""
    return _note(note_id)


@blueprint.get("/notes/<uuid:note_id>/own", access=every_user)
@blueprint.response(200, NoteResponse)
def hide_from_other_users(note_id: UUID) -> Any:
    """Get a note only for its owner, although the route is for every user."""
    return _own_note(note_id)


@blueprint.get("/notes/<uuid:note_id>/shared", access=every_user)
@blueprint.response(200, NoteResponse)
def get_shared_note(note_id: UUID) -> Any:
    """Get a note of any user. This route is correct."""
    return _note(note_id)


@blueprint.patch("/notes/<uuid:note_id>", access=user)
@blueprint.arguments(NoteRequest)
@blueprint.response(200, NoteResponse)
def update_any_version(body: dict[str, Any], note_id: UUID) -> Any:
    """Update a note without checking its version."""
    note = _own_note(note_id)
    note.name, note.version = body["name"], note.version + 1
    return note


@blueprint.post("/unbounded", access=user)
@blueprint.arguments(UnboundedRequest)
@blueprint.response(201, NoteResponse)
def accept_any_length(body: dict[str, Any]) -> Any:
    """Accept text of any length."""
    return {"id": uuid4(), "name": body["text"][:100]}


@blueprint.post("/mail", access=user, on_retry=CREATES_ANOTHER)
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def send_unlimited_mail(body: dict[str, Any]) -> Any:
    """Send email without a rate limit."""
    return _send_mail(body)


@blueprint.post("/mail-by-ip", access=user, on_retry=CREATES_ANOTHER, limits=(LOGINS,))
@blueprint.arguments(NoteRequest)
@blueprint.response(201, NoteResponse)
def limit_mail_per_client(body: dict[str, Any]) -> Any:
    """Send email with a limit per client IP only."""
    return _send_mail(body)


@blueprint.post("/guess", access=user, exempt={"idempotency": "changes nothing"})
@blueprint.arguments(NoteRequest)
@blueprint.response(200, NoteResponse)
def guess_without_limit(body: dict[str, Any]) -> Any:
    """Compare a password without a rate limit."""
    client = auth.Client(user_agent="", ip_address="")
    with suppress(InvalidCredentials):
        auth.log_in(email="unknown@example.com", password=body["name"], client=client)
    return {"id": uuid4(), **body}


@blueprint.get("/write", access=user, exempt={"etag": "not versioned"})
@blueprint.response(200, NoteResponse)
def read_and_write() -> Any:
    """Write to the database in a GET request."""
    return organizations.create_organization(owner_id=current_user_id(), name="Written", slug=None)


@blueprint.get("/deprecated", access=user, exempt={"etag": "not versioned"})
@blueprint.deprecated(
    since=datetime(2026, 1, 1, tzinfo=UTC), sunset=datetime(2027, 1, 1, tzinfo=UTC), link="https://example.com/instead"
)
@blueprint.response(200, NoteResponse)
def get_deprecated() -> Any:
    """Get a deprecated resource. This route is correct."""
    return {"id": uuid4(), "name": "Deprecated"}


def _add_note(body: dict[str, Any]) -> SimpleNamespace:
    note = SimpleNamespace(id=uuid4(), version=1, owner_id=current_user_id(), **body)
    _notes[note.id] = note
    return note


def _send_mail(body: dict[str, Any]) -> dict[str, Any]:
    note_id = uuid4()
    with transaction():
        jobs.enqueue(SEND_INVITATION, invitation_id=note_id)
    return {"id": note_id, **body}


def _note(note_id: UUID) -> SimpleNamespace:
    if note_id not in _notes:
        raise NotFound
    return _notes[note_id]


def _own_note(note_id: UUID) -> SimpleNamespace:
    note = _note(note_id)
    if note.owner_id != current_user_id():
        raise NotFound
    return note
