"""Requests that tests repeat with the same idempotency key, and functions that count their effects."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from werkzeug.wrappers import Response

from project.blueprints.auth.models import User
from project.blueprints.files.models import File
from project.blueprints.invitations.models import Invitation
from project.blueprints.organizations.models import Membership, Organization
from tests.kit.clients.api import PASSWORD, form
from tests.kit.fixtures.pictures import picture
from tests.races.service import Service, unique


@dataclass(frozen=True)
class KeyedRequest:
    """A prepared request. `send` takes an idempotency key; `effects` counts each kind of row and job it has created."""

    send: Callable[[str], Response]
    effects: Callable[[], tuple[int, ...]]


def idempotency_headers(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def organization(service: Service) -> KeyedRequest:
    owner, name = service.api.as_new_user(f"{unique('owner')}@example.com"), unique("Duplicates")
    owner_id = UUID(owner.user["id"])
    return KeyedRequest(
        lambda key: owner.post("/organizations", {"name": name}, headers=idempotency_headers(key)),
        lambda: (
            service.count_rows(Organization, Organization.name == name),
            service.count_rows(Membership, Membership.user_id == owner_id),
        ),
    )


def invitation(service: Service) -> KeyedRequest:
    owner, email = service.api.as_new_user(f"{unique('owner')}@example.com"), f"{unique('guest')}@example.com"
    path = f"/organizations/{owner.organization(unique('Hosts'))['id']}/invitations"
    jobs_before = service.count_jobs("invitations.send_invitation")
    return KeyedRequest(
        lambda key: owner.post(path, {"email": email, "role": "member"}, headers=idempotency_headers(key)),
        lambda: (
            service.count_rows(Invitation, Invitation.email == email),
            service.count_jobs("invitations.send_invitation") - jobs_before,
        ),
    )


def registration(service: Service) -> KeyedRequest:
    email = f"{unique('user')}@example.com"
    body = {"email": email, "password": PASSWORD}
    return KeyedRequest(
        lambda key: service.api.post("/auth/register", body, headers=idempotency_headers(key)),
        lambda: (service.count_rows(User, User.email == email),),
    )


def upload(service: Service) -> KeyedRequest:
    owner, filename = service.api.as_new_user(f"{unique('owner')}@example.com"), f"{unique('duplicate')}.png"
    body, content_type = form(picture(), filename)
    jobs_before = service.count_jobs("files.make_thumbnails")

    def effects() -> tuple[int, ...]:
        # Rejected duplicates must leave neither a row nor an object behind.
        assert service.orphans(owner.user["id"]) == ([], [])
        jobs = service.count_jobs("files.make_thumbnails") - jobs_before
        return service.count_rows(File, File.filename == filename), jobs

    def send(key: str) -> Response:
        return owner("POST", "/files", data=body, content_type=content_type, headers=idempotency_headers(key))

    return KeyedRequest(send, effects)
