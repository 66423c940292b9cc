"""Accounts and sessions."""

from tests.verify.checks import a_positive_number, a_time_in_utc, a_token, an_id, expect
from tests.verify.client import Answer
from tests.verify.flow import step
from tests.verify.steps.deployment import alive
from tests.verify.world import Person, World

_PAIR = {
    "access_token": a_token,
    "token_type": "Bearer",
    "expires_in": a_positive_number,
    "refresh_token": a_token,
    "refresh_expires_in": a_positive_number,
    "session_id": an_id,
}


def join(person: Person) -> Answer:
    """Register and sign in; the answer to the registration."""
    registered = person.register().succeeded(201, id=an_id, email=person.email)
    person.id = registered["id"]
    person.tokens = person.log_in().succeeded(200, **_PAIR).json
    return registered


@step("201, a user who may sign in", after=(alive,))
def register(world: World) -> None:
    owner = world.owner
    answer = owner.register().succeeded(201, id=an_id, email=owner.email, email_verified=False, display_name=owner.name)
    answer.succeeded(201, role="user", status="active", created_at=a_time_in_utc, updated_at=a_time_in_utc)
    owner.id = answer["id"]


@step("the same address in capitals: 409 email-taken", after=(register,))
def address_taken(world: World) -> None:
    owner = world.owner
    twin = Person(world.client, owner.name, owner.email.upper())
    twin.register().refused(409, "email-taken")


@step("401 invalid-credentials", after=(register,))
def wrong_password(world: World) -> None:
    world.owner.log_in(password=world.stranger.password).refused(401, "invalid-credentials")


@step("200, a pair of tokens", after=(register,))
def log_in(world: World) -> None:
    world.owner.tokens = world.owner.log_in().succeeded(200, **_PAIR).json


@step("the access token says who is calling", after=(log_in,))
def me(world: World) -> None:
    world.owner.get("/auth/me").succeeded(200, id=world.owner.id, email=world.owner.email)


@step("of two changes of one version the second is refused: 412", after=(log_in,))
def changed_meanwhile(world: World) -> None:
    read = {"If-Match": world.owner.get("/auth/me").succeeded(200).headers.get("ETag", "")}
    name = {"display_name": world.owner.name}
    world.owner.patch("/auth/me", json=name, headers=read).succeeded(200, display_name=world.owner.name)
    world.owner.patch("/auth/me", json=name, headers=read).refused(412, "precondition-failed")


@step("401 authentication-required without one", after=(alive,))
def no_token(world: World) -> None:
    world.anyone.get("/auth/me").refused(401, "authentication-required").sent(WWW_Authenticate="Bearer")


@step("a new pair of the same session, and it works", after=(log_in,))
def refresh(world: World) -> None:
    owner, old = world.owner, world.owner.tokens
    owner.tokens = owner.refresh().succeeded(200, **_PAIR | {"session_id": old["session_id"]}).json
    kept = [name for name in ("access_token", "refresh_token") if owner.tokens[name] == old[name]]
    expect("tokens that stayed as they were", "none", ", ".join(kept) or "none")
    owner.get("/auth/me").succeeded(200, id=owner.id)
    world.first_refresh_token = old["refresh_token"]


@step("the token just replaced, again: the same session goes on", after=(refresh,))
def lost_answer(world: World) -> None:
    owner = world.owner
    session_id = owner.tokens["session_id"]
    answer = owner.refresh(world.first_refresh_token).succeeded(200, **_PAIR | {"session_id": session_id})
    owner.tokens = answer.json
    owner.get("/auth/me").succeeded(200, id=owner.id)


@step("a refresh token two generations old: 401 refresh-token-reused", after=(refresh,))
def replay_refused(world: World) -> None:
    owner = world.owner
    owner.tokens = owner.refresh().succeeded(200, **_PAIR).json
    owner.refresh(world.first_refresh_token).refused(401, "refresh-token-reused")


@step("the replay ended it: 401 for its access and refresh tokens", after=(replay_refused,))
def session_ended(world: World) -> None:
    _ensure_ended(world.owner)


@step("200, a new session", after=(register,))
def log_in_again(world: World) -> None:
    world.owner.tokens = world.owner.log_in().succeeded(200, **_PAIR).json
    world.owner.get("/auth/me").succeeded(200, id=world.owner.id)


@step("204", after=(log_in_again,))
def log_out(world: World) -> None:
    world.owner.post("/auth/logout").succeeded(204)


@step("401 for the session's access and refresh tokens", after=(log_out,))
def logged_out(world: World) -> None:
    _ensure_ended(world.owner)


def _ensure_ended(person: Person) -> None:
    person.get("/auth/me").refused(401, "token-revoked")
    person.refresh().refused(401, "refresh-token-invalid")
