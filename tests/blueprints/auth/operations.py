"""Operations on accounts and sessions."""

from typing import Any
from uuid import UUID

from project.blueprints.auth import service
from project.blueprints.auth.service import Client
from project.infrastructure import signing
from project.infrastructure.clock import now
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, success
from tests.kit.interleaving.determinism import later
from tests.kit.interleaving.operations import World, operation, prepared, send_with_key


@operation
def register(_world: World) -> Any:
    return service.register(email="newcomer@example.com", password=PASSWORD, display_name="Newcomer") is not None


@operation
def register_with_key(world: World) -> Any:
    body = {"email": "newcomer@example.com", "password": PASSWORD, "display_name": "Newcomer"}
    return send_with_key(world.anonymous, "/auth/register", body)


@operation
def log_in(_world: World) -> Any:
    client = Client(user_agent="", ip_address="127.0.0.1")
    return service.log_in(email="guest@example.com", password=PASSWORD, client=client)


@operation
def change_password(world: World) -> Any:
    session_id = UUID(world.guest.tokens["session_id"])
    return service.change_password(
        world.guest_id, session_id=session_id, current_password=PASSWORD, new_password=NEW_PASSWORD
    )


@operation
def change_password_with_key(world: World) -> Any:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    # The guest's session may end after the access token has been checked. Such a request is completed.
    return send_with_key(world.owner, "/auth/password", body)


@operation
def refresh(world: World) -> Any:
    return service.refresh(world.guest.tokens["refresh_token"])


@operation
def log_out(world: World) -> Any:
    return service.log_out(UUID(world.guest.tokens["session_id"]), user_id=world.guest_id)


@operation
def end_session(world: World) -> Any:
    return service.end_session(session_id(world), user_id=world.guest_id)


@operation
def log_out_everywhere(world: World) -> Any:
    return service.end_all_sessions(world.guest_id)


@operation
def refresh_after_lost_response(world: World) -> Any:
    with later(minutes=1):
        return service.refresh(refreshed(world)["refresh_token"])


@operation
def use_access_token(world: World) -> Any:
    return service.load_principal(session_id(world), 2) is not None


@prepared
def refreshed(world: World) -> dict[str, Any]:
    """The first tokens of another session of the guest, whose second tokens have been issued, but not used."""
    tokens = world.guest.with_new_session().tokens
    success(world.anonymous.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}))
    return tokens


def session_id(world: World) -> UUID:
    """Return the id of the other session."""
    return UUID(refreshed(world)["session_id"])


@operation
def update_me(world: World) -> Any:
    return service.update_profile(world.guest_id, versions={1}, display_name="Guest")


@prepared
def reset_token(world: World) -> str:
    """A token to reset the guest's password."""
    with world.app.app_context():
        service.start_password_reset("guest@example.com", requested_at=now())
        return signing.issue("password-reset", world.guest_id, 1)


@prepared
def new_address_token(world: World) -> str:
    """A token that confirms the owner's new address."""
    success(world.owner.post("/auth/email", {"email": "owner@example.org", "password": PASSWORD}))
    with world.app.app_context():
        return signing.issue("email-verification", world.owner_id, 2)


def email_token(world: World) -> str:
    """Return the token that confirms the guest's address."""
    return signing.issue("email-verification", world.guest_id, 1)


@operation
def request_password_reset(_world: World) -> Any:
    return service.request_password_reset("guest@example.com")


@operation
def request_password_reset_with_key(world: World) -> Any:
    return send_with_key(world.anonymous, "/auth/password-reset", {"email": "guest@example.com"})


@operation
def start_password_reset(_world: World) -> Any:
    with later(minutes=1):
        return service.start_password_reset("guest@example.com", requested_at=now())


@operation
def send_password_reset(world: World) -> Any:
    return service.send_password_reset(world.guest_id, 1)


@operation
def reset_password(world: World) -> Any:
    return service.reset_password(reset_token(world), NEW_PASSWORD)


@operation
def reset_password_with_key(world: World) -> Any:
    body = {"token": reset_token(world), "new_password": NEW_PASSWORD}
    return send_with_key(world.anonymous, "/auth/password-reset/confirm", body)


@operation
def change_email(world: World) -> Any:
    return service.change_email(world.guest_id, email="guest@example.org", password=PASSWORD)


@operation
def change_email_with_key(world: World) -> Any:
    return send_with_key(world.owner, "/auth/email", {"email": "owner@example.net", "password": PASSWORD})


@operation
def request_email_verification(world: World) -> Any:
    return service.request_email_verification(world.guest_id)


@operation
def request_email_verification_with_key(world: World) -> Any:
    return send_with_key(world.owner, "/auth/email-verification")


@operation
def send_verification(world: World) -> Any:
    return service.send_verification(world.guest_id, 1)


@operation
def confirm_email(world: World) -> Any:
    return service.confirm_email(email_token(world))


@operation
def confirm_email_with_key(world: World) -> Any:
    return send_with_key(world.anonymous, "/auth/email-verification/confirm", {"token": email_token(world)})


@operation
def confirm_email_with_new_password(world: World) -> Any:
    return service.confirm_email(email_token(world), new_password=NEW_PASSWORD)


@operation
def confirm_new_address(world: World) -> Any:
    return service.confirm_email(new_address_token(world))


@operation
def register_new_address(_world: World) -> Any:
    return service.register(email="owner@example.org", password=PASSWORD, display_name="Newcomer") is not None


@operation
def repeat_registration(_world: World) -> Any:
    with later(minutes=1):
        return service.repeat_registration("guest@example.com", requested_at=now())


@operation
def send_notice(world: World) -> Any:
    return service.send_notice("password-changed", user_id=world.guest_id, to="guest@example.com", at=now())


@prepared
def unused_account(world: World) -> None:
    """An account that was never logged in to."""
    world.anonymous.register("unused@example.com")


@operation
def purge_sessions(_world: World) -> Any:
    with later(days=250):
        return service.purge_sessions()


@operation
def purge_unused_accounts(_world: World) -> Any:
    with later(days=40):
        return service.purge_unused_accounts()


@operation
def log_in_to_unused_account(_world: World) -> Any:
    client = Client(user_agent="", ip_address="127.0.0.1")
    return service.log_in(email="unused@example.com", password=PASSWORD, client=client).generation
