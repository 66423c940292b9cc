"""Steps for accounts and sessions."""

from tests.verify.checks import a_positive_integer, a_token, a_utc_time, a_uuid7, expect
from tests.verify.client import Response
from tests.verify.flow import step
from tests.verify.steps.deployment import alive
from tests.verify.world import User, World

_PAIR = {
    "access_token": a_token,
    "token_type": "Bearer",
    "expires_in": a_positive_integer,
    "refresh_token": a_token,
    "refresh_expires_in": a_positive_integer,
    "session_id": a_uuid7,
}


def register_and_log_in(user: User) -> Response:
    """Register and log in. Returns the registration response."""
    registered = user.register().expect_success(201, id=a_uuid7, email=user.email)
    user.id = registered["id"]
    user.tokens = user.log_in().expect_success(200, **_PAIR).json
    return registered


@step("201, an active user with an unverified email address", after=(alive,))
def register(world: World) -> None:
    owner = world.owner
    response = owner.register().expect_success(
        201, id=a_uuid7, email=owner.email, email_verified=False, display_name=owner.name
    )
    response.expect_success(201, role="user", status="active", created_at=a_utc_time, updated_at=a_utc_time)
    owner.id = response["id"]


@step("the same email address in capitals: 409 email-taken", after=(register,))
def email_taken(world: World) -> None:
    owner = world.owner
    duplicate = User(world.client, owner.name, owner.email.upper())
    duplicate.register().expect_problem(409, "email-taken")


@step("401 invalid-credentials", after=(register,))
def wrong_password(world: World) -> None:
    world.owner.log_in(password=world.other_user.password).expect_problem(401, "invalid-credentials")


@step("200, a pair of tokens", after=(register,))
def log_in(world: World) -> None:
    world.owner.tokens = world.owner.log_in().expect_success(200, **_PAIR).json


@step("200 with an access token: the user's profile", after=(log_in,))
def profile(world: World) -> None:
    world.owner.get("/auth/me").expect_success(200, id=world.owner.id, email=world.owner.email)


@step("the second of two updates to the same version: 412", after=(log_in,))
def stale_update(world: World) -> None:
    if_match = {"If-Match": world.owner.get("/auth/me").expect_success(200).headers.get("ETag", "")}
    name = {"display_name": world.owner.name}
    world.owner.patch("/auth/me", json=name, headers=if_match).expect_success(200, display_name=world.owner.name)
    world.owner.patch("/auth/me", json=name, headers=if_match).expect_problem(412, "precondition-failed")


@step("401 authentication-required without a token", after=(alive,))
def no_token(world: World) -> None:
    world.anonymous.get("/auth/me").expect_problem(401, "authentication-required").expect_headers(
        WWW_Authenticate="Bearer"
    )


@step("200, a new pair of tokens for the same session", after=(log_in,))
def refresh(world: World) -> None:
    owner, old = world.owner, world.owner.tokens
    owner.tokens = owner.refresh().expect_success(200, **_PAIR | {"session_id": old["session_id"]}).json
    unchanged = [name for name in ("access_token", "refresh_token") if owner.tokens[name] == old[name]]
    expect("unchanged tokens", "none", ", ".join(unchanged) or "none")
    owner.get("/auth/me").expect_success(200, id=owner.id)
    world.first_refresh_token = old["refresh_token"]


@step("the replaced token within the grace period: 200, same session", after=(refresh,))
def retried_refresh(world: World) -> None:
    owner = world.owner
    session_id = owner.tokens["session_id"]
    response = owner.refresh(world.first_refresh_token).expect_success(200, **_PAIR | {"session_id": session_id})
    owner.tokens = response.json
    owner.get("/auth/me").expect_success(200, id=owner.id)


@step("a token from two refreshes ago: 401 refresh-token-reused", after=(refresh,))
def reused_token(world: World) -> None:
    owner = world.owner
    owner.tokens = owner.refresh().expect_success(200, **_PAIR).json
    owner.refresh(world.first_refresh_token).expect_problem(401, "refresh-token-reused")


@step("401 for the tokens of the session whose token was reused", after=(reused_token,))
def ended_session(world: World) -> None:
    _ensure_ended(world.owner)


@step("200, a new session", after=(register,))
def log_in_again(world: World) -> None:
    world.owner.tokens = world.owner.log_in().expect_success(200, **_PAIR).json
    world.owner.get("/auth/me").expect_success(200, id=world.owner.id)


@step("204, the session ends", after=(log_in_again,))
def log_out(world: World) -> None:
    world.owner.post("/auth/logout").expect_success(204)


@step("401 for the session's access and refresh tokens", after=(log_out,))
def logged_out(world: World) -> None:
    _ensure_ended(world.owner)


def _ensure_ended(user: User) -> None:
    user.get("/auth/me").expect_problem(401, "token-revoked")
    user.refresh().expect_problem(401, "refresh-token-invalid")
