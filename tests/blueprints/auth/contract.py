"""The contract of the auth blueprint."""

from tests.conformance.contract import EVERYONE, LOGGED_IN, Contract
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import PASSWORD


def log_in(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"email": world.owner.user["email"], "password": PASSWORD})


def refresh(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"refresh_token": world.owner.with_new_session().tokens["refresh_token"]})


def log_out(world: World, _operation: Operation) -> Case:
    return Case(world.owner.with_new_session())


_USERS = """
INSERT INTO users (id, email, email_key, email_verified, display_name, password_hash, role, status,
                   created_at, updated_at)
SELECT row_id('users', n), n || '@example.org', n || '@example.org', true, 'User', 'none', 'user', 'active',
    now(), now()
FROM generate_series(1, {size}) AS n
"""

contract = Contract(
    access={
        "POST /api/v1/auth/login": EVERYONE,
        "POST /api/v1/auth/logout": LOGGED_IN,
        "GET /api/v1/auth/me": LOGGED_IN,
        "PATCH /api/v1/auth/me": LOGGED_IN,
        "POST /api/v1/auth/refresh": EVERYONE,
        "POST /api/v1/auth/register": EVERYONE,
    },
    recipes={"log_in": log_in, "refresh": refresh, "log_out": log_out},
    bulk_rows=[_USERS],
)
