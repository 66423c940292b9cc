"""Invitations of one organization, whatever happens to them in whatever order, beside a model of a dozen lines."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from flask import Flask
from hypothesis import settings
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, sampled_from
from sqlalchemy import update
from werkzeug.test import TestResponse

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation as Row
from project.blueprints.organizations import service as organizations
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import PageRequest
from tests.kit.clients.api import PASSWORD, Api, created
from tests.state_machines.story import Story

GUESTS = ("grace", "newcomer")
ALL = PageRequest(100, None)
_numbers = count(1)


@dataclass(frozen=True)
class Invitation:
    """An invitation that was made, and the token of its mail."""

    id: str
    guest: str
    token: str


@dataclass
class Model:
    """Who has an account, and what became of each invitation; a method tells the problem that an act must meet."""

    accounts: set[str]
    status: dict[Invitation, str] = field(default_factory=dict)

    def invite(self, guest: str) -> str | None:
        known = {status for invitation, status in self.status.items() if invitation.guest == guest}
        return "already-a-member" if "accepted" in known else "invitation-pending" if "pending" in known else None

    def look_up(self, invitation: Invitation) -> str | None:
        ended = {"accepted": "invitation-already-accepted", "expired": "invitation-expired"}
        return ended.get(self.status[invitation])

    def accept(self, invitation: Invitation) -> str | None:
        return self.look_up(invitation) if invitation.guest in self.accounts else "authentication-required"

    def register(self, invitation: Invitation) -> str | None:
        return "email-taken" if invitation.guest in self.accounts else self.look_up(invitation)

    def those(self, status: str) -> list[Invitation]:
        return [invitation for invitation, its in self.status.items() if its == status]


class InvitationStory(Story):
    """Ada invites; Grace and Eve have accounts, the newcomer has none yet, and nobody invites Eve."""

    invitations = Bundle("invitation")

    def __init__(self, app: Flask, people: dict[str, Api]) -> None:
        super().__init__()
        self.app, self.ada, self.nobody = app, people["ada"], Api(app.test_client())
        self.people = people | {"newcomer": replace(self.nobody, user={"email": f"new{next(_numbers)}@example.com"})}
        self.organization_id = UUID(self.ada.organization()["id"])
        self.path = f"/organizations/{self.organization_id}"
        self.model = Model(set(people))

    # Without it, half of the stories would be of nothing but time.
    @initialize(target=invitations, guest=sampled_from(GUESTS))
    def invite_someone(self, guest: str) -> Any:
        return self.invited(guest)

    @rule(target=invitations, guest=sampled_from(GUESTS))
    def invite(self, guest: str) -> Any:
        return self.invited(guest)

    @rule(invitation=invitations)
    def look_up(self, invitation: Invitation) -> None:
        answer = self.nobody.post("/invitations/lookup", {"token": invitation.token})
        assert problem_of(answer) == self.model.look_up(invitation)

    @rule(invitation=invitations)
    def accept(self, invitation: Invitation) -> None:
        answer = self.people[invitation.guest].post("/invitations/accept", {"token": invitation.token})
        self.joins(invitation, problem_of(answer), self.model.accept(invitation))

    @rule(invitation=invitations)
    def accept_as_eve(self, invitation: Invitation) -> None:
        eve = self.people["eve"]
        answer = eve.post("/invitations/accept", {"token": invitation.token})
        assert problem_of(answer) == "invitation-email-mismatch"
        assert problem_of(eve.get(f"{self.path}/members")) == "not-found"

    @rule(invitation=invitations)
    def register(self, invitation: Invitation) -> None:
        body = {"token": invitation.token, "password": PASSWORD, "display_name": invitation.guest}
        answer, expected = self.nobody.post("/invitations/register", body), self.model.register(invitation)
        self.joins(invitation, problem_of(answer), expected)
        if not expected:
            self.people[invitation.guest] = self.people[invitation.guest].signed_in_again()
            self.model.accounts.add(invitation.guest)

    @rule(and_sweep=booleans())
    def let_a_week_pass(self, and_sweep: bool) -> None:
        lapse = update(Row).where(Row.organization_id == self.organization_id)
        with self.app.app_context():
            with transaction() as session:
                session.execute(lapse.values(expires_at=now() - timedelta(seconds=1)))
            if and_sweep:
                service.expire_invitations()
        for invitation in self.model.those("pending"):
            self.model.status[invitation] = "expired"

    @rule(status=sampled_from(["pending", "accepted", "expired"]))
    def list_by(self, status: str) -> None:
        listed = created(self.ada.get(f"{self.path}/invitations?limit=100&status={status}"))["items"]
        assert [item["id"] for item in listed] == [each.id for each in self.model.those(status)][::-1]

    @invariant()
    def invitations_are_those_of_the_model(self) -> None:
        with self.app.app_context():
            listed = service.list_invitations(self.organization_id, None, ALL).items
        assert {str(item["id"]): item["status"] for item in listed} == {
            invitation.id: status for invitation, status in self.model.status.items()
        }

    @invariant()
    def members_are_those_of_the_model(self) -> None:
        with self.app.app_context():
            members = organizations.list_members(self.organization_id, ALL).items
        joined = [each.guest for each in self.model.those("accepted")]
        assert sorted(member.display_name for member in members) == sorted(["ada", *joined])

    def invited(self, guest: str) -> Any:
        body = {"email": self.people[guest].user["email"], "role": "member"}
        answer, expected = self.ada.post(f"{self.path}/invitations", body), self.model.invite(guest)
        assert problem_of(answer) == expected
        if expected:
            return multiple()
        invitation = Invitation(answer.json["id"], guest, self.token_of(answer.json["id"]))
        self.model.status[invitation] = "pending"
        return invitation

    def joins(self, invitation: Invitation, problem: str | None, expected: str | None) -> None:
        assert problem == expected
        if not expected:
            self.model.status[invitation] = "accepted"

    def token_of(self, invitation_id: str) -> str:
        with self.app.app_context():
            return signing.issue("invitation", UUID(invitation_id), 1)


def problem_of(answer: TestResponse) -> str | None:
    """The code of the problem that an answer tells of; None for a success."""
    return None if answer.status_code < 300 else answer.get_json(force=True)["code"]


def test_invitations_do_what_the_model_says(app: Flask, api: Api, profile: settings) -> None:
    people = {name: api.signed_in(f"{name}@example.com", display_name=name) for name in ("ada", "grace", "eve")}
    run_state_machine_as_test(lambda: InvitationStory(app, people), settings=profile)
