"""Conditional requests: `ETag`, `If-None-Match` and `If-Match`."""

from dataclasses import replace

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem


@check(lambda operation: operation.is_versioned and operation.method == "GET")
def unchanged_resources_return_304(operation: Operation, world: World) -> None:
    case = world.case(operation)
    etag = world.succeed(operation, case).headers.get("ETag")
    assert etag, 'the response has no `ETag`: make the model `Versioned`, or declare exempt={"etag": "<reason>"}'
    assert etag.startswith('"'), "send a strong `ETag`"
    unchanged = world.send(operation, case, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", etag)
    assert world.succeed(operation, case, headers={"If-None-Match": '"other"'}).status_code == 200


@check(lambda operation: operation.is_conditional)
def updates_with_a_stale_etag_are_rejected(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.read_operation(operation)
    assert reader is not None, (
        f'{operation}: the path has no GET that returns an `ETag`: declare exempt={{"if-match": "<reason>"}}'
    )
    etag = world.succeed(reader, Case(case.actor, case.path)).headers["ETag"]
    for stale in ('"never-issued"', f"W/{etag}", '"1-0"', "nonsense", _with_next_version(etag)):
        problem(world.send(operation, case, headers={"If-Match": stale}), 412, "precondition-failed")
    assert world.succeed(reader, Case(case.actor, case.path)).headers["ETag"] == etag, (
        "a rejected update must not change the resource"
    )
    world.succeed(operation, case, headers={"If-Match": etag})


@check(lambda operation: operation.is_conditional and operation.method != "DELETE")
def updates_change_the_etag(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.read_operation(operation)
    assert reader is not None
    etag = world.succeed(reader, Case(case.actor, case.path)).headers["ETag"]
    changed = world.succeed(operation, case, headers={"If-Match": etag})
    assert world.succeed(reader, Case(case.actor, case.path)).headers["ETag"] == changed.headers["ETag"] != etag
    second = replace(case, body=world.case(operation).body)
    problem(world.send(operation, second, headers={"If-Match": etag}), 412, "precondition-failed")
    world.succeed(operation, second, headers={"If-Match": "*"})


def _with_next_version(etag: str) -> str:
    version, _, digest = etag.strip('"').partition("-")
    return f'"{int(version) + 1}-{digest}"'
