"""Idempotency keys."""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy import func, select

from project.http.routing.rule import CREATES_ANOTHER
from project.infrastructure.database import read
from project.infrastructure.database.models import Base
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem

_BAD_KEYS = ["", '""', "k" * 256, "a\tb", "a,b", '"open', "caf\u00e9"]


def _is_keyed(operation: Operation) -> bool:
    return operation.is_keyed


@check(lambda operation: operation.method == "POST")
def takes_a_key_or_says_why_not(operation: Operation, world: World) -> None:
    documented = [one.get("$ref", "").rpartition("/")[2] for one in operation.described.get("parameters", [])]
    assert operation.is_keyed == ("Idempotency-Key" in documented)
    assert operation.is_keyed or operation.rule.exempt["idempotency"]


@check(_is_keyed)
def declares_the_effect_of_a_retry(operation: Operation, world: World) -> None:
    declared = operation.rule.on_retry
    assert declared, "declare on_retry=: the code of a problem, or CREATES_ANOTHER"
    assert set(declared) <= {CREATES_ANOTHER, *operation.problem_codes()}, "on_retry= is not a problem of this route"


@check(_is_keyed)
def retry_without_a_key_has_the_declared_effect(operation: Operation, world: World) -> None:
    case = world.case(operation)
    world.succeed(operation, case)
    retried = world.send(operation, case)
    effect = retried.json["code"] if retried.status_code >= 400 else CREATES_ANOTHER
    assert effect in operation.rule.on_retry


@check(_is_keyed)
def repeats_its_answer_and_not_its_effect(operation: Operation, world: World) -> None:
    case, key = world.case(operation), str(uuid4())
    first = world.succeed(operation, case, headers={"Idempotency-Key": key})
    rows = _rows(world)
    again = world.succeed(operation, case, headers={"Idempotency-Key": f'"{key}"'})
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers.get("Location") == first.headers.get("Location")
    assert _rows(world) == rows


@check(lambda operation: operation.is_keyed and not operation.is_public and _has_body(operation))
def refuses_its_key_for_another_request(operation: Operation, world: World) -> None:
    case, other, key = world.case(operation), world.plain(operation), {"Idempotency-Key": str(uuid4())}
    world.succeed(operation, case, headers=key)
    rows = _rows(world)
    different = Case(case.actor, case.path, other.body, other.form)
    problem(world.send(operation, different, headers=key), 422, "idempotency-key-reused")
    assert _rows(world) == rows


@check(lambda operation: operation.is_keyed and operation.body_schema is not None)
def refusal_leaves_its_key_free(operation: Operation, world: World) -> None:
    case, key = world.case(operation), {"Idempotency-Key": str(uuid4())}
    problem(world.send(operation, case, json={"no-such-member": 1}, headers=key), 422, "validation-failed")
    assert "Idempotency-Replayed" not in world.succeed(operation, case, headers=key).headers


@check(lambda operation: operation.is_keyed and not operation.is_public)
def key_is_good_for_its_caller_only(operation: Operation, world: World) -> None:
    case, key = world.case(operation), {"Idempotency-Key": str(uuid4())}
    world.succeed(operation, case, headers=key)
    other = world.send(operation, replace(case, actor=world.stranger), headers=key)
    assert "Idempotency-Replayed" not in other.headers
    problem(world.send(operation, replace(case, actor=world.nobody), headers=key), 401, "authentication-required")


@check(_is_keyed)
def bad_keys_are_refused(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for key in _BAD_KEYS:
        answer = world.send(operation, case, headers={"Idempotency-Key": key})
        assert problem(answer, 400, "idempotency-key-invalid"), key
    assert "Idempotency-Replayed" not in world.succeed(operation, case).headers


def _has_body(operation: Operation) -> bool:
    return operation.body_schema is not None or operation.takes_form


def _rows(world: World) -> dict[str, int]:
    """The number of rows in each table."""
    with world.app.app_context(), read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
