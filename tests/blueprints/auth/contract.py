"""The contract of the auth blueprint."""

from dataclasses import replace
from uuid import UUID, uuid4

from project.blueprints.auth import service
from project.http.auth.refresh_cookies import NAME
from project.infrastructure import signing
from project.infrastructure.clock import now
from tests.conformance.contract import EVERYONE, LOGGED_IN, OWNERS, Contract, Listing
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD

FROM_PAGE = {"Origin": "http://localhost:8000", "X-Requested-With": "XMLHttpRequest"}


def log_in(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"email": world.owner.user["email"], "password": PASSWORD})


def refresh(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"refresh_token": world.owner.with_new_session().tokens["refresh_token"]})


def log_in_with_cookie(world: World, operation: Operation) -> Case:
    return replace(log_in(world, operation), headers=FROM_PAGE)


def refresh_with_cookie(world: World, _operation: Operation) -> Case:
    token = world.owner.with_new_session().tokens["refresh_token"]
    return Case(world.anonymous, headers={**FROM_PAGE, "Cookie": f"{NAME}={token}"})


def log_out(world: World, _operation: Operation) -> Case:
    return Case(world.owner.with_new_session())


def log_out_everywhere(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous.as_new_user())


def list_sessions(world: World, _operation: Operation) -> Case:
    world.owner.with_new_session()
    return Case(world.owner)


def end_session(world: World, _operation: Operation) -> Case:
    session_id = world.owner.with_new_session().tokens["session_id"]
    return Case(world.owner, path={"session_id": session_id})


def change_password(world: World, _operation: Operation) -> Case:
    body = {"current_password": PASSWORD, "new_password": f"{NEW_PASSWORD} {uuid4()}"}
    return Case(world.anonymous.as_new_user(), body=body)


def reset_password(world: World, _operation: Operation) -> Case:
    user = world.anonymous.register()
    with world.app.app_context():
        service.start_password_reset(user["email"], requested_at=now())
        token = signing.issue("password-reset", UUID(user["id"]), 1)
    return Case(world.anonymous, body={"token": token, "new_password": NEW_PASSWORD})


def change_email(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous.as_new_user(), body={"email": f"{uuid4()}@example.com", "password": PASSWORD})


def confirm_email(world: World, _operation: Operation) -> Case:
    user = world.anonymous.register()
    with world.app.app_context():
        return Case(world.anonymous, body={"token": signing.issue("email-verification", UUID(user["id"]), 1)})


_USERS = """
INSERT INTO users (id, email, email_key, email_verified, display_name, password_hash, role, status,
                   created_at, updated_at)
SELECT row_id('users', n), n || '@example.org', n || '@example.org', true, 'User', 'none', 'user', 'active',
    now(), now()
FROM generate_series(1, {size}) AS n
"""

# A fifth of the caller's sessions have ended.
_SESSIONS = """
INSERT INTO sessions (id, user_id, generation, rotated_at, authenticated_at, methods, idle_until, expires_at, ended_at,
                      user_agent, ip_address, created_at, updated_at)
SELECT row_id('sessions', n), user_id, 1, now(), now(), '[]', now() + interval '1 day', now() + interval '1 day',
    CASE WHEN n % 5 = 0 THEN now() END, '', '', now(), now()
FROM (SELECT n, {caller} AS user_id FROM generate_series(1, {size} * 5 / 4) AS n
      UNION ALL
      SELECT {size} * 4 + n, row_id('users', 1) FROM generate_series(1, {others}) AS n) AS numbers
"""

contract = Contract(
    access={
        "POST /api/v1/auth/cookie/login": EVERYONE,
        "POST /api/v1/auth/cookie/refresh": EVERYONE,
        "POST /api/v1/auth/login": EVERYONE,
        "POST /api/v1/auth/logout": LOGGED_IN,
        "POST /api/v1/auth/logout-all": LOGGED_IN,
        "GET /api/v1/auth/sessions": LOGGED_IN,
        "DELETE /api/v1/auth/sessions/{session_id}": OWNERS,
        "GET /api/v1/auth/me": LOGGED_IN,
        "PATCH /api/v1/auth/me": LOGGED_IN,
        "POST /api/v1/auth/email": LOGGED_IN,
        "POST /api/v1/auth/email-verification": LOGGED_IN,
        "POST /api/v1/auth/email-verification/confirm": EVERYONE,
        "POST /api/v1/auth/password": LOGGED_IN,
        "POST /api/v1/auth/password-reset": EVERYONE,
        "POST /api/v1/auth/password-reset/confirm": EVERYONE,
        "POST /api/v1/auth/refresh": EVERYONE,
        "POST /api/v1/auth/register": EVERYONE,
    },
    recipes={
        "log_in": log_in,
        "refresh": refresh,
        "log_in_with_cookie": log_in_with_cookie,
        "refresh_with_cookie": refresh_with_cookie,
        "log_out": log_out,
        "log_out_everywhere": log_out_everywhere,
        "list_sessions": list_sessions,
        "end_session": end_session,
        "change_password": change_password,
        "reset_password": reset_password,
        "change_email": change_email,
        "confirm_email": confirm_email,
    },
    listings=[
        Listing("list_sessions", "sessions WHERE user_id = :caller AND ended_at IS NULL AND expires_at > now()"),
    ],
    bulk_rows=[_USERS, _SESSIONS],
    unaudited={
        "update_me": "the display name is not relevant to security",
        "refresh": "every session is refreshed all the time; only reused tokens are recorded",
        "refresh_with_cookie": "see refresh",
        "request_password_reset": "recorded by its job, because the response must not reveal accounts",
        "request_email_verification": "changes nothing but the token in the email",
    },
)
