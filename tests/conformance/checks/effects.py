"""What it does: to the thing that is named, and to no other."""

from dataclasses import replace

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem
from tests.kit.clients.response_checker import judge_of

_OF_ORGANIZATION = "organization_id"


@check(lambda operation: _OF_ORGANIZATION in operation.path_names and len(operation.path_names) > 1)
def things_are_found_in_their_organization_only(operation: Operation, world: World) -> None:
    case = world.case(operation)
    elsewhere = replace(case, path={**case.path, _OF_ORGANIZATION: world.other_organization_id})
    problem(world.send(operation, elsewhere), 404, "not-found")
    world.succeed(operation, case)


@check(lambda operation: operation.is_listing and _OF_ORGANIZATION in operation.path_names)
def lists_what_is_of_the_organization_only(operation: Operation, world: World) -> None:
    maker = world.collection_of(operation.path)
    if maker is not None:
        world.succeed(maker)
    case = world.case(operation)
    elsewhere = replace(case, path={**case.path, _OF_ORGANIZATION: world.other_organization_id})
    here, there = (world.succeed(operation, one).json["items"] for one in (case, elsewhere))
    assert here
    assert not [item for item in there if item in here]


@check(lambda operation: operation.method in ("PATCH", "PUT"))
def what_was_sent_is_what_is_read(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.reader_of(operation)
    before, changed = (world.succeed(one, case).json for one in (reader, operation) if one is not None)
    read = world.succeed(reader or operation, case).json
    assert changed == read
    assert {name: read[name] for name in case.body or {} if name in read} == case.body
    kept = set(read) - set(case.body or {}) - {"updated_at"}
    assert {name: before[name] for name in kept} == {name: read[name] for name in kept}


@check(lambda operation: operation.method in ("PATCH", "PUT") and bool(operation.path_names))
def refuses_what_another_thing_has_as_documented(operation: Operation, world: World) -> None:
    first, second = world.case(operation), world.case(operation)
    world.succeed(operation, first)
    judge_of(world.app).judge(world.send(operation, replace(second, body=first.body)))


@check(lambda operation: operation.method == "DELETE" and "removal" not in operation.rule.exempt)
def what_was_deleted_is_gone(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.reader_of(operation)
    world.succeed(operation, case)
    for again in (reader, operation):
        if again is not None:
            problem(world.send(again, Case(case.actor, case.path)), 404, "not-found")
