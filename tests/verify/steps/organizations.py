"""Steps for an organization and an invited member."""

from tests.verify.checks import a_nonempty_string, a_utc_time, a_uuid7, expect
from tests.verify.client import Response
from tests.verify.flow import step
from tests.verify.mailbox import wait_for_token
from tests.verify.steps.accounts import log_in_again, register_and_log_in
from tests.verify.steps.deployment import alive
from tests.verify.world import World


@step("201, owned by its creator", after=(log_in_again,))
def organization(world: World) -> None:
    response = _create(world).expect_success(201, id=a_uuid7, slug=a_nonempty_string, role="owner")
    world.organization_id = response["id"]
    world.owner.get(_path(world)).expect_success(200, name=world.organization_name, role="owner")


@step("retry with the same key: the same response, one organization", after=(organization,))
def idempotency(world: World) -> None:
    _create(world).expect_success(201, id=world.organization_id).expect_headers(Idempotency_Replayed="true")
    items = world.owner.get("/organizations").expect_success(200, next_cursor=None)["items"]
    expect("organizations", [world.organization_id], [item["id"] for item in items])


@step("201, a pending invitation", after=(organization,))
def invite(world: World) -> None:
    email = world.colleague.email
    response = world.owner.post(f"{_path(world)}/invitations", json={"email": email, "role": "member"})
    response.expect_success(201, id=a_uuid7, email=email, role="member", status="pending", expires_at=a_utc_time)
    expect("invitation: invited_by", world.owner.id, response["invited_by"]["id"])


@step("arrives in time, with a link to /invitation#token=…", after=(invite,))
def invitation_email(world: World) -> None:
    world.invitation_token = wait_for_token(world.mailbox, world.colleague.email, timeout_seconds=world.timeout_seconds)


@step("200, the inviter, organization, role and email address", after=(invitation_email,))
def look_up(world: World) -> None:
    world.anonymous.post("/invitations/lookup", json={"token": world.invitation_token}).expect_success(
        200,
        organization_name=world.organization_name,
        inviter_name=world.owner.name,
        email=world.colleague.email,
        role="member",
        account_exists=False,
    )


@step("a second user registers and logs in", after=(alive,))
def colleague(world: World) -> None:
    register_and_log_in(world.colleague).expect_success(201, email_verified=False)


@step("200, a member whose email address is now verified", after=(invitation_email, colleague))
def accept(world: World) -> None:
    user = world.colleague
    user.post("/invitations/accept", json={"token": world.invitation_token}).expect_success(
        200, user_id=user.id, display_name=user.name, email=user.email, role="member", joined_at=a_utc_time
    )
    user.get("/auth/me").expect_success(200, email_verified=True)


@step("accepted again: 409 invitation-already-accepted", after=(accept,))
def accept_again(world: World) -> None:
    response = world.colleague.post("/invitations/accept", json={"token": world.invitation_token})
    response.expect_problem(409, "invitation-already-accepted")


@step("200, the owner and the member with their roles", after=(accept,))
def members(world: World) -> None:
    items = world.colleague.get(f"{_path(world)}/members").expect_success(200, next_cursor=None)["items"]
    roles = {world.owner.id: "owner", world.colleague.id: "member"}
    expect("members", roles, {item["user_id"]: item["role"] for item in items})


@step("404 for the organization and its members", after=(organization,))
def non_member(world: World) -> None:
    register_and_log_in(world.other_user)
    world.other_user.get(_path(world)).expect_problem(404, "not-found")
    world.other_user.get(f"{_path(world)}/members").expect_problem(404, "not-found")


def _create(world: World) -> Response:
    key = {"Idempotency-Key": f"verify-{world.client.run}"}
    return world.owner.post("/organizations", json={"name": world.organization_name}, headers=key)


def _path(world: World) -> str:
    return f"/organizations/{world.organization_id}"
