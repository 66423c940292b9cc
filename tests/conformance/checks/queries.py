"""Parameters in the query."""

from tests.conformance import samples
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import World
from tests.kit.clients.api import pointers, problem

_UNSTORABLE = ["\x00", "a\x00b", "\ud800", "\ufffe\x00", "x" * 10_000]


@check()
def unknown_parameters_are_refused(operation: Operation, world: World) -> None:
    body = problem(
        world.send(operation, world.case(operation), query_string={"no_such": "1"}), 422, "validation-failed"
    )
    assert pointers(body) == {("query", "/no_such")}


@check(lambda operation: bool(operation.query))
def parameters_are_given_once(operation: Operation, world: World) -> None:
    for name, schema in operation.query.items():
        given = f"{name}={samples.value(operation, schema)}"
        answer = world.send(operation, world.case(operation), query_string=f"{given}&{given}")
        assert pointers(problem(answer, 422, "validation-failed")) >= {("query", f"/{name}")}


@check(lambda operation: bool(operation.query))
def parameters_that_no_column_holds_are_refused(operation: Operation, world: World) -> None:
    for name in operation.query:
        for value in _UNSTORABLE:
            query = f"{name}=".encode() + b"".join(b"%%%02x" % byte for byte in value.encode(errors="surrogatepass"))
            answer = world.send(operation, world.case(operation), query_string=query.decode())
            assert answer.status_code in (400, 422), f"{name}={value[:20]!r}: {answer.status}"
            problem(answer, answer.status_code, answer.json["code"])
