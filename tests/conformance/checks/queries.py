"""Query parameters: invalid parameters are rejected."""

from tests.conformance import samples
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import World
from tests.kit.clients.api import pointers, problem

_UNSTORABLE = ["\x00", "a\x00b", "\ud800", "\ufffe\x00", "x" * 10_000]


@check()
def unknown_parameters_are_rejected(operation: Operation, world: World) -> None:
    body = problem(
        world.send(operation, world.case(operation), query_string={"no_such": "1"}), 422, "validation-failed"
    )
    assert pointers(body) == {("query", "/no_such")}


@check(lambda operation: bool(operation.query))
def repeated_parameters_are_rejected(operation: Operation, world: World) -> None:
    for name, schema in operation.query.items():
        parameter = f"{name}={samples.value(operation, schema)}"
        response = world.send(operation, world.case(operation), query_string=f"{parameter}&{parameter}")
        assert pointers(problem(response, 422, "validation-failed")) >= {("query", f"/{name}")}


@check(lambda operation: bool(operation.query))
def unstorable_parameters_are_rejected(operation: Operation, world: World) -> None:
    for name in operation.query:
        for value in _UNSTORABLE:
            query = f"{name}=".encode() + b"".join(b"%%%02x" % byte for byte in value.encode(errors="surrogatepass"))
            response = world.send(operation, world.case(operation), query_string=query.decode())
            assert response.status_code in (400, 422), (
                f"{name}={value[:20]!r}: {response.status}: use a field type from project/http/fields.py"
            )
            problem(response, response.status_code, response.json["code"])
