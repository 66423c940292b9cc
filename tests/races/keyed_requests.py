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
from tests.races.processes import WebProcesses, new


@dataclass(frozen=True)
class KeyedRequest:
    """A request to send with a key; `effects` are counted part by part: each should be there once."""

    send: Callable[[str], Response]
    effects: Callable[[], tuple[int, ...]]


def _picture() -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(drawn, "PNG")
    return drawn.getvalue()


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def organization(web: WebProcesses) -> KeyedRequest:
    owner, name = web.api.signed_in(f"{new('owner')}@example.com"), new("Twins")
    owner_id = UUID(owner.user["id"])
    return KeyedRequest(
        lambda key: owner.post("/organizations", {"name": name}, headers=keyed(key)),
        lambda: (
            web.rows(Organization, Organization.name == name),
            web.rows(Membership, Membership.user_id == owner_id),
        ),
    )


def invitation(web: WebProcesses) -> KeyedRequest:
    owner, email = web.api.signed_in(f"{new('owner')}@example.com"), f"{new('guest')}@example.com"
    path = f"/organizations/{owner.organization(new('Hosts'))['id']}/invitations"
    jobs_before = web.jobs("invitations.send_invitation")
    return KeyedRequest(
        lambda key: owner.post(path, {"email": email, "role": "member"}, headers=keyed(key)),
        lambda: (
            web.rows(Invitation, Invitation.email == email),
            web.jobs("invitations.send_invitation") - jobs_before,
        ),
    )


def registration(web: WebProcesses) -> KeyedRequest:
    email = f"{new('user')}@example.com"
    body = {"email": email, "password": PASSWORD}
    return KeyedRequest(
        lambda key: web.api.post("/auth/register", body, headers=keyed(key)),
        lambda: (web.rows(User, User.email == email),),
    )


def upload(web: WebProcesses) -> KeyedRequest:
    owner, filename = web.api.signed_in(f"{new('owner')}@example.com"), f"{new('twins')}.png"
    body, content_type = form(_picture(), filename)
    jobs_before = web.jobs("files.make_thumbnails")

    def effects() -> tuple[int, ...]:
        # Of the losers, neither a row nor a byte is left.
        assert web.stray_objects(owner.user["id"]) == ([], [])
        return web.rows(File, File.filename == filename), web.jobs("files.make_thumbnails") - jobs_before

    def send(key: str) -> Response:
        return owner("POST", "/files", data=body, content_type=content_type, headers=keyed(key))

    return KeyedRequest(send, effects)
