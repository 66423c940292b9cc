"""The contract of the users blueprint."""

from collections.abc import Iterator

from tests.conformance.contract import ADMINISTRATORS, Contract, Listing
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World


def user(world: World, _operation: Operation) -> Case:
    return Case(world.administrator, path={"user_id": world.anonymous.register()["id"]})


def update_user(world: World, operation: Operation) -> Case:
    return Case(world.administrator, user(world, operation).path, {"role": "admin", "status": "disabled"})


# A twentieth of the users are admins, and a tenth are disabled.
_USERS = """
INSERT INTO users (id, email, email_key, email_verified, display_name, password_hash, role, status,
                   created_at, updated_at)
SELECT row_id('listed users', n), n || '@example.net', n || '@example.net', true, 'User', 'none',
    CASE WHEN n % 20 < 1 THEN 'admin' ELSE 'user' END, CASE WHEN n % 40 < 4 THEN 'disabled' ELSE 'active' END,
    now(), now()
FROM generate_series(1, {size}) AS n
"""


def _listings() -> Iterator[Listing]:
    yield Listing("list_users", "users", {}, "administrator")
    email = {"email": "7@example.net"}
    yield Listing("list_users", "users", email, "administrator", may_sort=True, has_one_row=True)
    for role in ("user", "admin"):
        yield Listing("list_users", f"users WHERE role = '{role}'", {"role": role}, "administrator")
    for status in ("active", "disabled"):
        yield Listing("list_users", f"users WHERE status = '{status}'", {"status": status}, "administrator")
        rows = f"users WHERE role = 'admin' AND status = '{status}'"
        yield Listing("list_users", rows, {"role": "admin", "status": status}, "administrator")


contract = Contract(
    access={
        "GET /api/v1/users": ADMINISTRATORS,
        "GET /api/v1/users/{user_id}": ADMINISTRATORS,
        "PATCH /api/v1/users/{user_id}": ADMINISTRATORS,
        "DELETE /api/v1/users/{user_id}/sessions": ADMINISTRATORS,
    },
    recipes={"get_user": user, "update_user": update_user, "end_user_sessions": user},
    listings=[*_listings()],
    bulk_rows=[_USERS],
    unaudited={},
)
