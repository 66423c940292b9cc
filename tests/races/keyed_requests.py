"""What is sent fifty times with one idempotency key, and how to count the effects that it had."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

from PIL import Image
from werkzeug.wrappers import Response

from project.blueprints.auth.models import User
from project.blueprints.files.models import File
from project.blueprints.invitations.models import Invitation
from project.blueprints.organizations.models import Membership, Organization
from tests.kit.clients.api import PASSWORD, form
from tests.races.processes import Arena, new


@dataclass(frozen=True)
class Deed:
    """A request to send with a key; `effects` are counted part by part: each should be there once."""

    send: Callable[[str], Response]
    effects: Callable[[], tuple[int, ...]]


def _picture() -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(drawn, "PNG")
    return drawn.getvalue()


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def organization(arena: Arena) -> Deed:
    owner, name = arena.api.signed_in(f"{new('owner')}@example.com"), new("Twins")
    owner_id = UUID(owner.user["id"])
    return Deed(
        lambda key: owner.post("/organizations", {"name": name}, headers=keyed(key)),
        lambda: (
            arena.rows(Organization, Organization.name == name),
            arena.rows(Membership, Membership.user_id == owner_id),
        ),
    )


def invitation(arena: Arena) -> Deed:
    owner, email = arena.api.signed_in(f"{new('owner')}@example.com"), f"{new('guest')}@example.com"
    path = f"/organizations/{owner.organization(new('Hosts'))['id']}/invitations"
    jobs_before = arena.jobs("invitations.send_invitation")
    return Deed(
        lambda key: owner.post(path, {"email": email, "role": "member"}, headers=keyed(key)),
        lambda: (
            arena.rows(Invitation, Invitation.email == email),
            arena.jobs("invitations.send_invitation") - jobs_before,
        ),
    )


def registration(arena: Arena) -> Deed:
    email = f"{new('user')}@example.com"
    body = {"email": email, "password": PASSWORD}
    return Deed(
        lambda key: arena.api.post("/auth/register", body, headers=keyed(key)),
        lambda: (arena.rows(User, User.email == email),),
    )


def upload(arena: Arena) -> Deed:
    owner, filename = arena.api.signed_in(f"{new('owner')}@example.com"), f"{new('twins')}.png"
    body, content_type = form(_picture(), filename)
    jobs_before = arena.jobs("files.make_thumbnails")

    def effects() -> tuple[int, ...]:
        # Of the losers, neither a row nor a byte is left.
        assert arena.stray_objects(owner.user["id"]) == ([], [])
        return arena.rows(File, File.filename == filename), arena.jobs("files.make_thumbnails") - jobs_before

    def send(key: str) -> Response:
        return owner("POST", "/files", data=body, content_type=content_type, headers=keyed(key))

    return Deed(send, effects)
