"""Idempotency keys: a retried POST takes effect only once."""

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

_INVALID_KEYS = ["", '""', "k" * 256, "a\tb", "a,b", '"open', "caf\u00e9"]


def _is_keyed(operation: Operation) -> bool:
    return operation.is_keyed


@check(lambda operation: operation.method == "POST")
def post_accepts_a_key_or_is_exempt(operation: Operation, world: World) -> None:
    parameters = operation.described.get("parameters", [])
    documented = [parameter.get("$ref", "").rpartition("/")[2] for parameter in parameters]
    assert operation.is_keyed == ("Idempotency-Key" in documented)
    assert operation.is_keyed or operation.rule.exempt["idempotency"]


@check(_is_keyed)
def effect_of_a_retry_is_declared(operation: Operation, world: World) -> None:
    declared = operation.rule.on_retry
    assert declared, "the route must declare on_retry=, with problem codes or CREATES_ANOTHER"
    allowed = {CREATES_ANOTHER, *operation.problem_codes()}
    assert set(declared) <= allowed, "every problem code in on_retry= must be one that the route documents"


@check(_is_keyed)
def retry_without_a_key_has_the_declared_effect(operation: Operation, world: World) -> None:
    case = world.case(operation)
    world.succeed(operation, case)
    retried = world.send(operation, case)
    effect = retried.json["code"] if retried.status_code >= 400 else CREATES_ANOTHER
    assert effect in operation.rule.on_retry, f'the route must declare on_retry="{effect}"'


@check(_is_keyed)
def retry_with_a_key_replays_the_response(operation: Operation, world: World) -> None:
    case, key = world.case(operation), str(uuid4())
    first = world.succeed(operation, case, headers={"Idempotency-Key": key})
    rows = _row_counts(world)
    retried = world.succeed(operation, case, headers={"Idempotency-Key": f'"{key}"'})
    assert (retried.status_code, retried.data) == (first.status_code, first.data), (
        "the retry must return the first response"
    )
    assert retried.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert retried.headers.get("Location") == first.headers.get("Location")
    assert _row_counts(world) == rows, "a replayed response must not write to the database"


@check(lambda operation: operation.is_keyed and not operation.is_public and _has_body(operation))
def key_used_for_another_request_is_rejected(operation: Operation, world: World) -> None:
    case, other, key = world.case(operation), world.case(operation), {"Idempotency-Key": str(uuid4())}
    world.succeed(operation, case, headers=key)
    rows = _row_counts(world)
    different = Case(case.actor, case.path, other.body, other.form)
    problem(world.send(operation, different, headers=key), 422, "idempotency-key-reused")
    assert _row_counts(world) == rows, "a request with a rejected key must not write to the database"


@check(lambda operation: operation.is_keyed and operation.body_schema is not None)
def key_of_a_rejected_request_can_be_used_again(operation: Operation, world: World) -> None:
    case, key = world.case(operation), {"Idempotency-Key": str(uuid4())}
    problem(world.send(operation, case, json={"no-such-member": 1}, headers=key), 422, "validation-failed")
    assert "Idempotency-Replayed" not in world.succeed(operation, case, headers=key).headers


@check(lambda operation: operation.is_keyed and not operation.is_public)
def key_is_bound_to_its_caller(operation: Operation, world: World) -> None:
    case, key = world.case(operation), {"Idempotency-Key": str(uuid4())}
    world.succeed(operation, case, headers=key)
    other = world.send(operation, replace(case, actor=world.other_user), headers=key)
    assert "Idempotency-Replayed" not in other.headers, "never replay a response to another user"
    problem(world.send(operation, replace(case, actor=world.anonymous), headers=key), 401, "authentication-required")


@check(_is_keyed)
def invalid_keys_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for key in _INVALID_KEYS:
        response = world.send(operation, case, headers={"Idempotency-Key": key})
        assert problem(response, 400, "idempotency-key-invalid"), key
    assert "Idempotency-Replayed" not in world.succeed(operation, case).headers


def _has_body(operation: Operation) -> bool:
    return operation.body_schema is not None or operation.accepts_form


def _row_counts(world: World) -> dict[str, int]:
    """Return the number of rows in each table, by table name."""
    with world.app.app_context(), read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
