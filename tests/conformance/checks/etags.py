"""Versions of the thing."""

from dataclasses import replace

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem


@check(lambda operation: operation.is_versioned and operation.method == "GET")
def has_a_tag_that_spares_what_is_known(operation: Operation, world: World) -> None:
    case = world.case(operation)
    tag = world.succeed(operation, case).headers.get("ETag")
    assert tag, "answers without `ETag`: make the model `Versioned`, or excuse it from `etag`"
    assert tag.startswith('"')
    spared = world.send(operation, case, headers={"If-None-Match": tag})
    assert (spared.status_code, spared.data, spared.headers["ETag"]) == (304, b"", tag)
    assert world.succeed(operation, case, headers={"If-None-Match": '"other"'}).status_code == 200


@check(lambda operation: operation.is_conditional)
def changes_only_the_version_that_was_read(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.reader_of(operation)
    assert reader is not None, f"{operation}: what cannot be read has no versions: excuse it from `conditions`"
    tag = world.succeed(reader, Case(case.actor, case.path)).headers["ETag"]
    for stale in ('"never-issued"', f"W/{tag}", '"1-0"', "nonsense", _of_another_version(tag)):
        problem(world.send(operation, case, headers={"If-Match": stale}), 412, "precondition-failed")
    assert world.succeed(reader, Case(case.actor, case.path)).headers["ETag"] == tag
    world.succeed(operation, case, headers={"If-Match": tag})


@check(lambda operation: operation.is_conditional and operation.method != "DELETE")
def change_makes_another_version(operation: Operation, world: World) -> None:
    case, reader = world.case(operation), world.reader_of(operation)
    assert reader is not None
    tag = world.succeed(reader, Case(case.actor, case.path)).headers["ETag"]
    changed = world.succeed(operation, case, headers={"If-Match": tag})
    assert world.succeed(reader, Case(case.actor, case.path)).headers["ETag"] == changed.headers["ETag"] != tag
    again = replace(case, body=world.plain(operation).body)
    problem(world.send(operation, again, headers={"If-Match": tag}), 412, "precondition-failed")
    world.succeed(operation, again, headers={"If-Match": "*"})


def _of_another_version(tag: str) -> str:
    version, _, digest = tag.strip('"').partition("-")
    return f'"{int(version) + 1}-{digest}"'
