"""Requests to interrupt."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from project.blueprints.auth.models import Session, User
from project.blueprints.invitations.models import Invitation
from project.blueprints.organizations.models import Membership, Organization
from project.infrastructure.audit import AuditEntry
from project.infrastructure.database import read
from tests.interruptions.flows import PICTURE, Flow, all_or_none, count_rows
from tests.kit.clients.api import PASSWORD, Api, form, problem, success
from tests.kit.fixtures.jobs import list_jobs


def authorization(api: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.tokens['access_token']}"} if api.tokens else {}


class RequestFlow(Flow):
    """A POST with a JSON body. Repeating it after it took effect fails with 409 and the code `conflict_code`."""

    decisive_commit = 1
    conflict_code: str

    def post(self, path: str, body: dict[str, Any], api: Api) -> None:
        self.api = api
        self.operation = {"method": "POST", "path": f"/api/v1{path}", "json": body, "headers": authorization(api)}

    def repeat(self, *, done: bool) -> None:
        response = self.api.client.open(**self.operation)
        if done:
            problem(response, 409, self.conflict_code)
        else:
            success(response)


class Register(RequestFlow):
    conflict_code = "email-taken"

    def prepare(self) -> None:
        self.post("/auth/register", {"email": self.email, "password": PASSWORD}, self.world.api)

    def is_done(self) -> bool:
        return all_or_none(count_rows(User, User.email == self.email))

    def repeat(self, *, done: bool) -> None:
        super().repeat(done=done)
        success(self.world.api.post("/auth/login", {"email": self.email, "password": PASSWORD}))


class Refresh(RequestFlow):
    def prepare(self) -> None:
        self.user = self.world.api.as_new_user(self.email)
        self.post("/auth/refresh", {"refresh_token": self.user.tokens["refresh_token"]}, self.world.api)

    def is_done(self) -> bool:
        session_id = UUID(self.user.tokens["session_id"])
        return all_or_none(count_rows(Session, Session.id == session_id, Session.generation == 2))

    def repeat(self, *, done: bool) -> None:
        first, second = (success(self.api.client.open(**self.operation)) for _ in range(2))
        assert first["refresh_token"] == second["refresh_token"]


class CreateOrganization(RequestFlow):
    conflict_code = "slug-taken"

    def prepare(self) -> None:
        self.slug = f"flow-{self.number}"
        self.post("/organizations", {"name": "Flow", "slug": self.slug}, self.world.owner)

    def is_done(self) -> bool:
        organization_ids = select(Organization.id).where(Organization.slug == self.slug)
        return all_or_none(
            count_rows(Organization, Organization.slug == self.slug),
            count_rows(Membership, Membership.organization_id.in_(organization_ids), Membership.role == "owner"),
            count_rows(AuditEntry, AuditEntry.organization_id.in_(organization_ids)),
        )


class Invite(RequestFlow):
    conflict_code = "invitation-pending"

    def prepare(self) -> None:
        path = f"/organizations/{self.world.organization_id}/invitations"
        self.post(path, {"email": self.email, "role": "member"}, self.world.owner)

    def is_done(self) -> bool:
        with read() as connection:
            ids = [str(each) for each in connection.scalars(select(Invitation.id).filter_by(email=self.email))]
        jobs = [row for row in list_jobs("invitations.send_invitation") if row.arguments["invitation_id"] in ids]
        return all_or_none(len(ids), len(jobs))


class Accept(RequestFlow):
    conflict_code = "invitation-already-accepted"

    def prepare(self) -> None:
        self.user = self.world.api.as_new_user(self.email)
        self.user.get("/auth/me")  # the first use of an access token is recorded in a separate transaction
        self.invitation_id, token = self.world.invite(self.email)
        self.post("/invitations/accept", {"token": token}, self.user)

    def is_done(self) -> bool:
        user_id = UUID(self.user.user["id"])
        return all_or_none(
            count_rows(Invitation, Invitation.id == self.invitation_id, Invitation.status == "accepted"),
            count_rows(Membership, Membership.user_id == user_id),
            count_rows(User, User.id == user_id, User.email_verified.is_(True)),
            count_rows(AuditEntry, AuditEntry.target_id == self.invitation_id, AuditEntry.actor_id == user_id),
        )


class RegisterInvited(RequestFlow):
    conflict_code = "email-taken"

    def prepare(self) -> None:
        self.invitation_id, token = self.world.invite(self.email)
        body = {"token": token, "password": PASSWORD, "display_name": "Flow"}
        self.post("/invitations/register", body, self.world.api)

    def is_done(self) -> bool:
        user_ids = select(User.id).where(User.email == self.email, User.email_verified.is_(True))
        return all_or_none(
            count_rows(Invitation, Invitation.id == self.invitation_id, Invitation.status == "accepted"),
            count_rows(User, User.email == self.email),
            count_rows(Membership, Membership.user_id.in_(user_ids)),
        )


class Upload(Flow):
    decisive_commit = 2

    def prepare(self) -> None:
        self.filename = f"{self.number}.png"
        body, content_type = form(PICTURE, self.filename)
        self.operation = {"method": "POST", "path": "/api/v1/files", "headers": authorization(self.world.owner)}
        self.operation |= {"data": body.decode("latin-1"), "content_type": content_type}

    def is_done(self) -> bool:
        newest = success(self.world.owner.get("/files"))["items"]
        ids = [file["id"] for file in newest if file["filename"] == self.filename]
        for file_id in ids:
            assert self.world.owner.get(f"/files/{file_id}/content").data == PICTURE
        return all_or_none(len(ids), sum(row.arguments["file_id"] in ids for row in list_jobs("files.make_thumbnails")))

    def repeat(self, *, done: bool) -> None:
        if not done:
            success(self.world.owner.upload(PICTURE, self.filename))


class Trash(Flow):
    decisive_commit = 1

    def prepare(self) -> None:
        self.path = f"/files/{success(self.world.owner.upload())['id']}"
        self.operation = {"method": "DELETE", "path": f"/api/v1{self.path}", "headers": authorization(self.world.owner)}

    def is_done(self) -> bool:
        content_status = self.world.owner.get(f"{self.path}/content").status_code
        file_status = success(self.world.owner.get(self.path))["status"]
        assert (file_status, content_status) in {("stored", 200), ("trashed", 404)}
        return content_status == 404

    def repeat(self, *, done: bool) -> None:
        assert self.world.owner.delete(self.path).status_code == (404 if done else 204)
