"""Effects: an operation changes or returns only the resource that its path identifies."""

from dataclasses import replace

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem, success
from tests.kit.clients.response_checker import checker_for

_ORGANIZATION_ID = "organization_id"


@check(lambda operation: _ORGANIZATION_ID in operation.path_names and len(operation.path_names) > 1)
def resources_are_found_only_in_their_organization(operation: Operation, world: World) -> None:
    case = world.case(operation)
    elsewhere = replace(case, path={**case.path, _ORGANIZATION_ID: world.other_organization_id})
    problem(world.send(operation, elsewhere), 404, "not-found")
    world.succeed(operation, case)


@check(lambda operation: operation.is_listing and _ORGANIZATION_ID in operation.path_names)
def listings_contain_only_items_of_their_organization(operation: Operation, world: World) -> None:
    create = world.create_operation(operation.path)
    if create is not None:
        world.succeed(create)
    case = world.case(operation)
    elsewhere = replace(case, path={**case.path, _ORGANIZATION_ID: world.other_organization_id})
    here, there = (world.succeed(operation, each).json["items"] for each in (case, elsewhere))
    assert here, "the listing must contain the resource that was just created in the organization"
    assert not [item for item in there if item in here], (
        "the listing contains items of another organization: filter it by organization_id"
    )


@check(lambda operation: operation.created_path is not None)
def created_resource_is_at_its_location(operation: Operation, world: World) -> None:
    case = world.case(operation)
    created = world.succeed(operation, case)
    base = world.app.extensions["settings"].public_url
    path = str(operation.created_path).rpartition("{")[0].format(**case.path) + created.json["id"]
    assert created.headers.getlist("Location") == [f"{base}{path}"]
    assert success(case.actor.get(path.removeprefix("/api/v1"))) == created.json
    assert "Location" in operation.described["responses"]["201"]["headers"], "the OpenAPI document must list the header"


@check(lambda operation: operation.body_schema is not None and "201" in operation.described["responses"])
def created_resources_have_the_sent_members(operation: Operation, world: World) -> None:
    case = world.full_case(operation)
    created = world.succeed(operation, case).json
    sent = {name: value for name, value in (case.body or {}).items() if name in created}
    assert {name: created[name] for name in sent} == sent, "the response must contain the sent values"


@check(lambda operation: operation.method in ("PATCH", "PUT"))
def updates_change_only_the_sent_members(operation: Operation, world: World) -> None:
    case = world.case(operation)
    body, required = case.body or {}, (operation.body_schema or {}).get("required", [])
    _ensure_only_the_sent_members_change(operation, world, case)
    for optional in body.keys() - set(required) if operation.method == "PATCH" else ():
        sent = {name: value for name, value in body.items() if name in (*required, optional)}
        _ensure_only_the_sent_members_change(operation, world, replace(case, body=sent))


def _ensure_only_the_sent_members_change(operation: Operation, world: World, case: Case) -> None:
    reader = world.read_operation(operation)
    before, changed = (world.succeed(each, case).json for each in (reader, operation) if each is not None)
    after = world.succeed(reader or operation, case).json
    assert changed == after, "the response must match that of a subsequent GET"
    assert {name: after[name] for name in case.body or {} if name in after} == case.body, (
        "the update must store the sent values"
    )
    kept = set(after) - set(case.body or {}) - {"updated_at"}
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}, (
        "the update must not change members that were not sent"
    )


@check(lambda operation: operation.method in ("PATCH", "PUT") and bool(operation.path_names))
def duplicate_values_get_a_documented_response(operation: Operation, world: World) -> None:
    first, second = world.case(operation), world.case(operation)
    world.succeed(operation, first)
    checker_for(world.app).check(world.send(operation, replace(second, body=first.body)))


@check(lambda operation: operation.method == "DELETE" and "removal" not in operation.rule.exempt)
def deleted_resources_are_not_found(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.read_operation(operation)
    world.succeed(operation, case)
    for each in (reader, operation):
        if each is not None:
            problem(world.send(each, Case(case.actor, case.path)), 404, "not-found")
