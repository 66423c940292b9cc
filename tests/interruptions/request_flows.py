"""Requests that are interrupted."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from project.blueprints.auth.models import Session, User
from project.blueprints.invitations.models import Invitation
from project.blueprints.organizations.models import Membership, Organization
from project.infrastructure.database import read
from tests.interruptions.flows import PICTURE, Flow, all_or_none, counted
from tests.kit.clients.api import PASSWORD, Api, created, form, problem
from tests.kit.fixtures.jobs import list_jobs


def as_whom(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.tokens['access_token']}"} if api.tokens else {}


class RequestFlow(Flow):
    """A POST with a JSON body, which answers 409 `refusal` when it was done before."""

    decisive = 1
    refusal: str

    def post(self, path: str, body: dict[str, Any], api: Api) -> None:
        self.api = api
        self.order = {"method": "POST", "path": f"/api/v1{path}", "json": body, "headers": as_whom(api)}

    def repeat(self, *, done: bool) -> None:
        answer = self.api.client.open(**self.order)
        if done:
            problem(answer, 409, self.refusal)
        else:
            created(answer)


class Register(RequestFlow):
    refusal = "email-taken"

    def prepare(self) -> None:
        self.post("/auth/register", {"email": self.email, "password": PASSWORD}, self.world.api)

    def is_done(self) -> bool:
        return all_or_none(counted(User, User.email == self.email))

    def repeat(self, *, done: bool) -> None:
        super().repeat(done=done)
        created(self.world.api.post("/auth/login", {"email": self.email, "password": PASSWORD}))


class Refresh(RequestFlow):
    def prepare(self) -> None:
        self.user = self.world.api.signed_in(self.email)
        self.post("/auth/refresh", {"refresh_token": self.user.tokens["refresh_token"]}, self.world.api)

    def is_done(self) -> bool:
        session_id = UUID(self.user.tokens["session_id"])
        return all_or_none(counted(Session, Session.id == session_id, Session.generation == 2))

    def repeat(self, *, done: bool) -> None:
        first, second = (created(self.api.client.open(**self.order)) for _ in range(2))
        assert first["refresh_token"] == second["refresh_token"]


class CreateOrganization(RequestFlow):
    refusal = "slug-taken"

    def prepare(self) -> None:
        self.slug = f"flow-{self.number}"
        self.post("/organizations", {"name": "Flow", "slug": self.slug}, self.world.owner)

    def is_done(self) -> bool:
        of_it = select(Organization.id).where(Organization.slug == self.slug)
        return all_or_none(
            counted(Organization, Organization.slug == self.slug),
            counted(Membership, Membership.organization_id.in_(of_it), Membership.role == "owner"),
        )


class Invite(RequestFlow):
    refusal = "invitation-pending"

    def prepare(self) -> None:
        path = f"/organizations/{self.world.organization_id}/invitations"
        self.post(path, {"email": self.email, "role": "member"}, self.world.owner)

    def is_done(self) -> bool:
        with read() as connection:
            found = [str(each) for each in connection.scalars(select(Invitation.id).filter_by(email=self.email))]
        mails = [row for row in list_jobs("invitations.send_invitation") if row.arguments["invitation_id"] in found]
        return all_or_none(len(found), len(mails))


class Accept(RequestFlow):
    refusal = "invitation-already-accepted"

    def prepare(self) -> None:
        self.user = self.world.api.signed_in(self.email)
        self.invitation_id, token = self.world.invited(self.email)
        self.post("/invitations/accept", {"token": token}, self.user)

    def is_done(self) -> bool:
        user_id = UUID(self.user.user["id"])
        return all_or_none(
            counted(Invitation, Invitation.id == self.invitation_id, Invitation.status == "accepted"),
            counted(Membership, Membership.user_id == user_id),
            counted(User, User.id == user_id, User.email_verified.is_(True)),
        )


class RegisterInvited(RequestFlow):
    refusal = "email-taken"

    def prepare(self) -> None:
        self.invitation_id, token = self.world.invited(self.email)
        body = {"token": token, "password": PASSWORD, "display_name": "Flow"}
        self.post("/invitations/register", body, self.world.api)

    def is_done(self) -> bool:
        of_it = select(User.id).where(User.email == self.email, User.email_verified.is_(True))
        return all_or_none(
            counted(Invitation, Invitation.id == self.invitation_id, Invitation.status == "accepted"),
            counted(User, User.email == self.email),
            counted(Membership, Membership.user_id.in_(of_it)),
        )


class Upload(Flow):
    decisive = 2

    def prepare(self) -> None:
        self.filename = f"{self.number}.png"
        body, content_type = form(PICTURE, self.filename)
        self.order = {"method": "POST", "path": "/api/v1/files", "headers": as_whom(self.world.owner)}
        self.order |= {"data": body.decode("latin-1"), "content_type": content_type}

    def is_done(self) -> bool:
        newest = created(self.world.owner.get("/files"))["items"]
        ids = [file["id"] for file in newest if file["filename"] == self.filename]
        for file_id in ids:
            assert self.world.owner.get(f"/files/{file_id}/content").data == PICTURE
        return all_or_none(len(ids), sum(row.arguments["file_id"] in ids for row in list_jobs("files.make_thumbnails")))

    def repeat(self, *, done: bool) -> None:
        if not done:
            created(self.world.owner.upload(PICTURE, self.filename))


class Trash(Flow):
    decisive = 1

    def prepare(self) -> None:
        self.path = f"/files/{created(self.world.owner.upload())['id']}"
        self.order = {"method": "DELETE", "path": f"/api/v1{self.path}", "headers": as_whom(self.world.owner)}

    def is_done(self) -> bool:
        readable = self.world.owner.get(f"{self.path}/content").status_code
        assert (created(self.world.owner.get(self.path))["status"], readable) in {("stored", 200), ("trashed", 404)}
        return readable == 404

    def repeat(self, *, done: bool) -> None:
        assert self.world.owner.delete(self.path).status_code == (404 if done else 204)
