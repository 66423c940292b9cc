"""An organization, and how a colleague joins it."""

from tests.verify.checks import a_time_in_utc, an_id, expect, some_text
from tests.verify.client import Answer
from tests.verify.flow import step
from tests.verify.mailbox import wait_for_token
from tests.verify.steps.accounts import join, log_in_again
from tests.verify.steps.deployment import alive
from tests.verify.world import World


@step("201, and whoever makes it owns it", after=(log_in_again,))
def organization(world: World) -> None:
    answer = _make(world).succeeded(201, id=an_id, slug=some_text, role="owner")
    world.organization_id = answer["id"]
    world.owner.get(_path(world)).succeeded(200, name=world.organization_name, role="owner")


@step("again with the same key: the same answer, one organization", after=(organization,))
def repeated(world: World) -> None:
    _make(world).succeeded(201, id=world.organization_id).sent(Idempotency_Replayed="true")
    items = world.owner.get("/organizations").succeeded(200, next_cursor=None)["items"]
    expect("organizations", [world.organization_id], [item["id"] for item in items])


@step("201, pending", after=(organization,))
def invite(world: World) -> None:
    email = world.colleague.email
    answer = world.owner.post(f"{_path(world)}/invitations", json={"email": email, "role": "member"})
    answer.succeeded(201, id=an_id, email=email, role="member", status="pending", expires_at=a_time_in_utc)
    expect("invitation: invited_by", world.owner.id, answer["invited_by"]["id"])


@step("arrives in time, its link with #token=", after=(invite,))
def mail(world: World) -> None:
    world.invitation_token = wait_for_token(
        world.mailbox, world.colleague.email, patience_seconds=world.patience_seconds
    )


@step("the token says who invites whom to what", after=(mail,))
def look_up(world: World) -> None:
    world.anyone.post("/invitations/lookup", json={"token": world.invitation_token}).succeeded(
        200,
        organization_name=world.organization_name,
        inviter_name=world.owner.name,
        email=world.colleague.email,
        role="member",
        account_exists=False,
    )


@step("registers and signs in", after=(alive,))
def colleague(world: World) -> None:
    join(world.colleague).succeeded(201, email_verified=False)


@step("200, a member, and the address counts as verified", after=(mail, colleague))
def accept(world: World) -> None:
    who = world.colleague
    who.post("/invitations/accept", json={"token": world.invitation_token}).succeeded(
        200, user_id=who.id, display_name=who.name, email=who.email, role="member", joined_at=a_time_in_utc
    )
    who.get("/auth/me").succeeded(200, email_verified=True)


@step("again: 409 invitation-already-accepted", after=(accept,))
def accepted_once(world: World) -> None:
    answer = world.colleague.post("/invitations/accept", json={"token": world.invitation_token})
    answer.refused(409, "invitation-already-accepted")


@step("both of them, with their roles", after=(accept,))
def members(world: World) -> None:
    items = world.colleague.get(f"{_path(world)}/members").succeeded(200, next_cursor=None)["items"]
    roles = {world.owner.id: "owner", world.colleague.id: "member"}
    expect("members", roles, {item["user_id"]: item["role"] for item in items})


@step("sees no organization: 404 for it and its members", after=(organization,))
def stranger(world: World) -> None:
    join(world.stranger)
    world.stranger.get(_path(world)).refused(404, "not-found")
    world.stranger.get(f"{_path(world)}/members").refused(404, "not-found")


def _make(world: World) -> Answer:
    key = {"Idempotency-Key": f"verify-{world.client.run}"}
    return world.owner.post("/organizations", json={"name": world.organization_name}, headers=key)


def _path(world: World) -> str:
    return f"/organizations/{world.organization_id}"
