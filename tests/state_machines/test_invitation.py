"""An organization's invitations under random sequences of actions, compared with a small model."""

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

from project.blueprints.invitations import service
from project.blueprints.invitations.models import Invitation as Row
from project.blueprints.organizations import service as organizations
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import PageRequest
from tests.kit.clients.api import PASSWORD, Api, success
from tests.state_machines.state_machine import StateMachine, problem_of

GUESTS = ("grace", "newcomer")
ALL = PageRequest(100, None)
_numbers = count(1)


@dataclass(frozen=True)
class Invitation:
    """A created invitation and the token from its email."""

    id: str
    guest: str
    token: str


@dataclass
class Model:
    """The expected state: who has an account, and the status of each invitation.

    The methods return the problem code that an action must return, or `None` if it must succeed.
    """

    accounts: set[str]
    status: dict[Invitation, str] = field(default_factory=dict)

    def invite(self, guest: str) -> str | None:
        statuses = {status for invitation, status in self.status.items() if invitation.guest == guest}
        return "already-a-member" if "accepted" in statuses else "invitation-pending" if "pending" in statuses else None

    def look_up(self, invitation: Invitation) -> str | None:
        problems = {"accepted": "invitation-already-accepted", "expired": "invitation-expired"}
        return problems.get(self.status[invitation])

    def accept(self, invitation: Invitation) -> str | None:
        return self.look_up(invitation) if invitation.guest in self.accounts else "authentication-required"

    def register(self, invitation: Invitation) -> str | None:
        return "email-taken" if invitation.guest in self.accounts else self.look_up(invitation)

    def with_status(self, status: str) -> list[Invitation]:
        return [invitation for invitation, current in self.status.items() if current == status]


class InvitationMachine(StateMachine):
    """Ada invites Grace, who has an account, and a newcomer, who has none. Eve has an account but no invitation."""

    invitations = Bundle("invitation")

    def __init__(self, app: Flask, people: dict[str, Api]) -> None:
        super().__init__()
        self.app, self.ada, self.anonymous = app, people["ada"], Api(app.test_client())
        self.people = people | {"newcomer": replace(self.anonymous, user={"email": f"new{next(_numbers)}@example.com"})}
        self.organization_id = UUID(self.ada.organization()["id"])
        self.path = f"/organizations/{self.organization_id}"
        self.model = Model(set(people))

    # Without an initial invitation, half of the examples would only let time pass.
    @initialize(target=invitations, guest=sampled_from(GUESTS))
    def invite_first(self, guest: str) -> Any:
        return self.send_invitation(guest)

    @rule(target=invitations, guest=sampled_from(GUESTS))
    def invite(self, guest: str) -> Any:
        return self.send_invitation(guest)

    @rule(invitation=invitations)
    def look_up(self, invitation: Invitation) -> None:
        response = self.anonymous.post("/invitations/lookup", {"token": invitation.token})
        assert problem_of(response) == self.model.look_up(invitation)

    @rule(invitation=invitations)
    def accept(self, invitation: Invitation) -> None:
        response = self.people[invitation.guest].post("/invitations/accept", {"token": invitation.token})
        self.expect_joined(invitation, problem_of(response), self.model.accept(invitation))

    @rule(invitation=invitations)
    def accept_as_eve(self, invitation: Invitation) -> None:
        eve = self.people["eve"]
        response = eve.post("/invitations/accept", {"token": invitation.token})
        assert problem_of(response) == "invitation-email-mismatch"
        assert problem_of(eve.get(f"{self.path}/members")) == "not-found"

    @rule(invitation=invitations)
    def register(self, invitation: Invitation) -> None:
        body = {"token": invitation.token, "password": PASSWORD, "display_name": invitation.guest}
        response, expected = self.anonymous.post("/invitations/register", body), self.model.register(invitation)
        self.expect_joined(invitation, problem_of(response), expected)
        if not expected:
            self.people[invitation.guest] = self.people[invitation.guest].with_new_session()
            self.model.accounts.add(invitation.guest)

    @rule(run_job=booleans())
    def expire(self, run_job: bool) -> None:
        update_all = update(Row).where(Row.organization_id == self.organization_id)
        with self.app.app_context():
            with transaction() as connection:
                connection.execute(update_all.values(expires_at=now() - timedelta(seconds=1)))
            if run_job:
                service.expire_invitations()
        for invitation in self.model.with_status("pending"):
            self.model.status[invitation] = "expired"

    @rule(status=sampled_from(["pending", "accepted", "expired"]))
    def list_by(self, status: str) -> None:
        items = success(self.ada.get(f"{self.path}/invitations?limit=100&status={status}"))["items"]
        assert [item["id"] for item in items] == [invitation.id for invitation in self.model.with_status(status)][::-1]

    @invariant()
    def invitations_match_the_model(self) -> None:
        with self.app.app_context():
            items = service.list_invitations(self.organization_id, None, ALL).items
        assert {str(item.id): item.status for item in items} == {
            invitation.id: status for invitation, status in self.model.status.items()
        }

    @invariant()
    def members_match_the_model(self) -> None:
        with self.app.app_context():
            members = organizations.list_members(self.organization_id, ALL).items
        joined = [invitation.guest for invitation in self.model.with_status("accepted")]
        assert sorted(member.display_name for member in members) == sorted(["ada", *joined])

    def send_invitation(self, guest: str) -> Any:
        body = {"email": self.people[guest].user["email"], "role": "member"}
        response, expected = self.ada.post(f"{self.path}/invitations", body), self.model.invite(guest)
        assert problem_of(response) == expected
        if expected:
            return multiple()
        invitation = Invitation(response.json["id"], guest, self.token_of(response.json["id"]))
        self.model.status[invitation] = "pending"
        return invitation

    def expect_joined(self, invitation: Invitation, problem: str | None, expected: str | None) -> None:
        assert problem == expected
        if not expected:
            self.model.status[invitation] = "accepted"

    def token_of(self, invitation_id: str) -> str:
        with self.app.app_context():
            return signing.issue("invitation", UUID(invitation_id), 1)


def test_invitations_match_the_model(app: Flask, api: Api, profile: settings) -> None:
    people = {name: api.as_new_user(f"{name}@example.com", display_name=name) for name in ("ada", "grace", "eve")}
    run_state_machine_as_test(lambda: InvitationMachine(app, people), settings=profile)
