"""The explorer itself: what it reports, what it allows, and which steps it treats as dependent."""

import re
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from project.errors import Conflict
from project.infrastructure.database import current_connection, transaction
from tests.interleavings.seeded_defects import DEFECTS, seeded
from tests.kit.interleaving.actors import Actor
from tests.kit.interleaving.explorer import Explorer
from tests.kit.interleaving.operations import Operation, World, operations
from tests.kit.interleaving.steps import Step, statement

Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """A function that registers an operation for this test."""

    def register(call: Callable[[World], Any], *, gives_way: str | None = None) -> None:
        monkeypatch.setitem(operations(), call.__name__, Operation(call, gives_way))

    return register


def rename(user_id: UUID, condition: str = "true") -> bool:
    renamed = text(f"UPDATE users SET display_name = 'x' WHERE users.id = :id AND {condition} RETURNING users.id")
    return current_connection().execute(renamed, {"id": user_id}).first() is not None


def test_failure_shows_the_steps_and_how_to_repeat_them(exploring: Explorer) -> None:
    [(name, partner, defect)] = [each for each in DEFECTS if each[0] == "update_me"]
    with seeded(defect):
        with pytest.raises(AssertionError) as failure:
            exploring.ensure_serial(name, partner)
        message = str(failure.value)
        [schedule] = re.findall(r"--schedule=(\w+)", message)
        with pytest.raises(AssertionError, match=f"--schedule={schedule}"):
            exploring.ensure_serial(name, partner, schedule=schedule)
        exploring.ensure_serial(name, partner, schedule="".join(sorted(schedule)))
    assert "A (update_me)  UPDATE users SET display_name=" in message
    assert "Compared with the serial order AAABB" in message
    assert "B (update_me) returned UserRow(" in message
    assert "+ users {" in message


def test_failed_execution_leaves_no_locks_and_no_threads(exploring: Explorer) -> None:
    with pytest.raises(AssertionError, match="X cannot continue after 'A'"):
        exploring.explore("log_out", "log_out", schedule="AX")
    assert not [thread for thread in threading.enumerate() if isinstance(thread, Actor)]
    exploring.ensure_serial("log_out", "log_out")


def test_operation_that_gives_way_to_end_a_deadlock_is_allowed(exploring: Explorer, register: Register) -> None:
    @register
    def rename_owner_then_guest(world: World) -> Any:
        with transaction():
            return rename(world.owner_id) and rename(world.guest_id)

    @register
    def rename_guest_then_owner(world: World) -> Any:
        with transaction():
            return rename(world.guest_id) and rename(world.owner_id)

    found = exploring.explore("rename_owner_then_guest", "rename_guest_then_owner")
    assert not found.anomalies
    assert any("ServiceUnavailable" in outcome.results[0] + outcome.results[1] for outcome in found.interleaved)


def test_operation_that_gives_way_must_have_no_effect(exploring: Explorer, register: Register) -> None:
    def rename_in_two_steps(world: World) -> Any:
        with transaction():
            rename(world.guest_id)
        with transaction():
            if not rename(world.guest_id, "version = 1"):
                raise Conflict

    register(rename_in_two_steps, gives_way="another operation has changed the user")
    found = exploring.explore("rename_in_two_steps", "work")
    assert ["Conflict" in outcome.results[0] for outcome in found.anomalies] == [True]


def step(sql: str, **parameters: Any) -> Step:
    return statement(sql, parameters, in_transaction=False)


def insert(table: str, **values: Any) -> Step:
    return step(f"INSERT INTO {table} ({', '.join(values)})", **values)


def change_job(condition: str, column: str = "last_error") -> Step:
    return step(f"UPDATE jobs SET {column} = 'x' WHERE {condition}", one=1, two=2)


IS_ONE, IS_TWO = "jobs.id = %(one)s", "jobs.id = %(two)s"
SUBQUERY = f"jobs.id IN (SELECT jobs.id FROM jobs WHERE {IS_TWO})"


@pytest.mark.parametrize(
    ("one", "other", "are_independent"),
    [
        (step("SELECT name FROM organizations"), step("SELECT slug FROM organizations"), True),
        (step("SELECT name FROM organizations"), step("UPDATE users SET display_name = 'x'"), True),
        (step("SELECT name FROM organizations"), step("UPDATE organizations SET name = 'x'"), False),
        (step("SELECT id FROM jobs FOR UPDATE"), step("SELECT id FROM jobs FOR UPDATE"), False),
        (step("SELECT pg_advisory_xact_lock(1)", lock=1), step("SELECT pg_advisory_xact_lock(1)", lock=1), False),
        (change_job(IS_ONE), change_job(IS_ONE), False),
        (change_job(IS_ONE), change_job(IS_TWO), True),
        (change_job(IS_ONE), change_job(f"{IS_TWO} OR true"), False),
        (change_job(IS_ONE), change_job(SUBQUERY), False),
        (change_job(IS_ONE, "dedupe_key"), change_job(IS_TWO, "dedupe_key"), False),
        (change_job(IS_ONE), step(f"SELECT id FROM jobs WHERE {IS_ONE}", one=1), False),
        (change_job(IS_ONE), step(f"SELECT id FROM jobs WHERE {IS_TWO}", two=2), True),
        (change_job(IS_ONE), step("SELECT id FROM jobs"), False),
        (change_job(IS_ONE), step(f"SELECT id FROM jobs WHERE status = 'x' ORDER BY {IS_TWO}", two=2), False),
        (change_job(IS_ONE), step("SELECT users.id FROM users, jobs"), False),
        (change_job(IS_ONE), step("DELETE FROM users USING jobs WHERE jobs.id = users.id"), False),
        (change_job(IS_ONE), step("UPDATE jobs AS jobs_1 SET last_error = 'x'"), False),
        (change_job(IS_ONE), step("LOCK TABLE users"), False),
        (insert("users", id=1, email_key="a"), insert("users", id=2, email_key="b"), True),
        (insert("users", id=1, email_key="a"), insert("users", id=2, email_key="a"), False),
        (insert("users", id=1, email_key="a"), step("DELETE FROM users WHERE users.id = %(two)s", two=2), False),
        (insert("jobs", id=1, name="a", dedupe_key=None), insert("jobs", id=2, name="a", dedupe_key=None), True),
        (insert("memberships", id=1, organization_id=2, user_id=3), step("UPDATE organizations SET name = 'x'"), True),
        (insert("memberships", id=1, organization_id=2, user_id=3), step("DELETE FROM organizations"), False),
        (insert("memberships", id=1, organization_id=2, user_id=3), step("SELECT id FROM users FOR UPDATE"), False),
        (step("DELETE FROM users"), step("SELECT id FROM sessions"), False),
        (step("UPDATE files SET organization_id = 'x'"), step("DELETE FROM organizations"), False),
    ],
)
def test_steps_are_independent_if_their_order_has_no_effect(one: Step, other: Step, are_independent: bool) -> None:
    assert one.is_independent_of(other) == other.is_independent_of(one) == are_independent
