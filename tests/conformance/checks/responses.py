"""Responses: documented statuses, headers, logging and content negotiation."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import event

from project.infrastructure.database import db
from tests.conformance.check import check
from tests.conformance.checks.access import unknown_path
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem
from tests.kit.clients.response_checker import checker_for

_HEADERS = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control")
_WRITES = ("INSERT", "UPDATE", "DELETE")


@check()
def successful_response_matches_the_document(operation: Operation, world: World) -> None:
    world.succeed(operation)


@check(lambda operation: operation.body_schema is not None)
def response_to_a_repeated_request_matches_the_document(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for _ in range(2):
        checker_for(world.app).check(world.send(operation, case))


@check(lambda operation: bool(operation.path_names))
def unknown_ids_are_not_found(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(case.actor, unknown_path(operation), case.body, case.form)), 404, "not-found")
    path = dict.fromkeys(operation.path_names, "%00")
    problem(world.send(operation, Case(case.actor, path, case.body, case.form)), 404, "not-found")


@check()
def responses_have_the_security_headers(operation: Operation, world: World) -> None:
    rejected = world.send(operation, Case(world.anonymous, unknown_path(operation)), query_string={"no-such": "1"})
    assert rejected.status_code >= 400
    for response in (world.succeed(operation), rejected):
        missing = [name for name in _HEADERS if name not in response.headers]
        assert not missing, f"the response lacks the headers {missing}"
        assert "Server" not in response.headers, "the response must not have a `Server` header"


@check()
def request_id_is_returned(operation: Operation, world: World) -> None:
    request_id = str(uuid4())
    assert world.succeed(operation, headers={"X-Request-ID": request_id}).headers["X-Request-ID"] == request_id
    invalid = world.succeed(operation, headers={"X-Request-ID": "a b"})
    assert invalid.headers["X-Request-ID"] not in ("", "a b"), "an invalid request id must be replaced with a new one"


@check()
def request_is_logged_once_with_its_trace_id(operation: Operation, world: World) -> None:
    trace_id, case = uuid4().hex, world.case(operation)
    with captured_events(logging.getLogger("groundwork")) as events:
        world.succeed(operation, case, headers={"traceparent": f"00-{trace_id}-{'1' * 16}-01"})
    assert [event["trace_id"] for event in events if event["event"] == "request"] == [trace_id]


@check(lambda operation: not operation.rule.any_host)
def untrusted_hosts_are_rejected(operation: Operation, world: World) -> None:
    problem(world.send(operation, world.case(operation), headers={"Host": "evil.example"}), 400, "malformed-request")


@check(lambda operation: operation.rule.json)
def accept_headers_without_json_are_rejected(operation: Operation, world: World) -> None:
    problem(world.send(operation, world.case(operation), headers={"Accept": "text/xml"}), 406, "not-acceptable")


@check()
def unsupported_methods_are_rejected_with_allow(operation: Operation, world: World) -> None:
    case = Case(world.anonymous, unknown_path(operation))
    response = world.app.test_client().open(operation.path.format(**case.path), method="TRACE")
    problem(response, 405, "method-not-allowed")
    assert operation.method in response.headers["Allow"]


@check(lambda operation: operation.method == "GET")
def reads_do_not_write(operation: Operation, world: World) -> None:
    case, written = world.case(operation), []

    def record(_connection: object, _cursor: object, statement: str, *_context: object) -> None:
        if statement.lstrip().upper().startswith(_WRITES):
            written.append(statement)

    with world.app.app_context():
        event.listen(db.engine, "before_cursor_execute", record)
        try:
            world.succeed(operation, case)
        finally:
            event.remove(db.engine, "before_cursor_execute", record)
    assert written == [], "a GET must not write: use another method"


@check(lambda operation: bool(operation.rule.limits))
def responses_have_the_rate_limit_headers(operation: Operation, world: World) -> None:
    for response in (world.succeed(operation), world.send(operation, world.case(operation), json={})):
        assert response.headers["RateLimit"]
        assert response.headers["RateLimit-Policy"]


@check(lambda operation: operation.rule.deprecation is not None)
def deprecated_routes_send_deprecation_and_sunset(operation: Operation, world: World) -> None:
    response = world.succeed(operation)
    assert response.headers["Deprecation"].startswith("@")
    assert response.headers["Sunset"].endswith(" GMT")
    assert 'rel="deprecation"' in ",".join(response.headers.getlist("Link"))


@contextmanager
def captured_events(logger: logging.Logger) -> Iterator[list[Any]]:
    """Collect the events logged within the `with` block."""
    events: list[Any] = []
    handler = logging.Handler()
    handler.emit = lambda record: events.append(record.msg)  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield events
    finally:
        logger.removeHandler(handler)
