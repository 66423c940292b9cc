"""Queries on passwords, addresses and emailed tokens change only one user, whose state must be the expected one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from project.blueprints.auth import repository, service
from project.blueprints.auth.models import User, UserRow
from project.blueprints.auth.service import get_user
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from tests.kit.fixtures.changed_rows import changed_ids
from tests.kit.fixtures.jobs import list_jobs
from tests.kit.fixtures.users import add_user

pytestmark = pytest.mark.usefixtures("in_shared_app")
Query = Callable[[UserRow], Any]
VERSIONS = ("password_version", "email_token_version", "reset_token_version")
QUERIES: dict[str, tuple[Query, tuple[int, int, int]]] = {
    # The numbers are the increases of VERSIONS.
    "change_password": (lambda user: repository.change_password(user, "new"), (1, 0, 1)),
    "upgrade_hash": (lambda user: repository.upgrade_hash(user, "new"), (0, 0, 0)),
    "issue_email_token": (lambda user: repository.issue_email_token(user.id), (0, 1, 0)),
    "set_pending_email": (lambda user: repository.set_pending_email(user, email="a@b", email_key="a@b"), (0, 1, 0)),
    "confirm_email": (repository.confirm_email, (0, 1, 1)),
    "claim_with_email_token": (lambda user: repository.claim_with_email_token(user, "new"), (1, 1, 1)),
    "claim_with_reset_token": (lambda user: repository.claim_with_reset_token(user, "new"), (1, 1, 1)),
    "claim_unverified": (
        lambda user: repository.claim_unverified(user.email_key, "new", display_name="Owner"),
        (1, 1, 1),
    ),
    "issue_reset_token": (lambda user: repository.issue_reset_token(user.email_key, now()), (0, 0, 1)),
    "issue_reset_token_to_unverified": (
        lambda user: repository.issue_reset_token_to_unverified(user.email_key, now()),
        (0, 1, 1),
    ),
}
REJECTIONS: list[tuple[str, dict[str, object]]] = [
    *((name, {"password_version": 7}) for name in ("change_password", "set_pending_email")),
    ("upgrade_hash", {"password_hash": "another"}),
    *((name, {"email_token_version": 7}) for name in ("confirm_email", "claim_with_email_token")),
    ("claim_with_reset_token", {"reset_token_version": 7}),
    ("claim_with_email_token", {"pending_email": "new@example.com"}),
    *((name, {"email_verified": True}) for name in ("issue_email_token", "claim_unverified")),
    ("issue_reset_token_to_unverified", {"email_verified": True}),
    *(
        (name, {"reset_token_issued_at": now() + timedelta(hours=1)})
        for name in ("issue_reset_token", "issue_reset_token_to_unverified")
    ),
    *(
        (name, {"status": "disabled"})
        for name in QUERIES
        if name not in ("change_password", "upgrade_hash", "set_pending_email")
    ),
]


@pytest.fixture(autouse=True)
def _other(ada_row: UserRow) -> None:
    """A newer user in the same state."""
    add_user()


def run(query: Query, user: UserRow) -> set[Any]:
    """Return the ids of the users that a query changes."""

    def execute() -> None:
        with transaction():
            query(user)

    return changed_ids(User, execute)


def set_user(user: UserRow, **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(User).where(User.id == user.id).values(**values))


@pytest.mark.parametrize("name", QUERIES)
def test_query_changes_one_user(ada_row: UserRow, name: str) -> None:
    query, increases = QUERIES[name]
    assert run(query, ada_row) == {ada_row.id}
    after = get_user(ada_row.id)
    assert tuple(getattr(after, each) - getattr(ada_row, each) for each in VERSIONS) == increases


@pytest.mark.parametrize(("name", "values"), REJECTIONS)
def test_query_changes_no_user_in_another_state(ada_row: UserRow, name: str, values: dict[str, object]) -> None:
    set_user(ada_row, **values)
    assert run(QUERIES[name][0], ada_row) == set()


def test_address_of_a_verified_user_with_a_pending_change_gets_a_token(ada_row: UserRow) -> None:
    set_user(ada_row, email_verified=True, pending_email="new@example.com")
    assert run(QUERIES["issue_email_token"][0], ada_row) == {ada_row.id}


@pytest.mark.parametrize("values", [{}, {"email_verified": True, "status": "disabled"}])
def test_repeated_registration_sends_nothing_to_unknown_addresses_and_disabled_accounts(
    ada_row: UserRow, values: dict[str, object]
) -> None:
    set_user(ada_row, **values)
    before = len(list_jobs())
    service.repeat_registration(ada_row.email_key if values else "unknown@example.com", requested_at=now())
    assert len(list_jobs()) == before
