"""What it answers with."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import event

from project.infrastructure.database import db
from tests.conformance.check import check
from tests.conformance.checks.access import any_path
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem
from tests.kit.clients.response_checker import judge_of

_HEADERS = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control")
_WRITES = ("INSERT", "UPDATE", "DELETE")


@check()
def succeeds_as_documented(operation: Operation, world: World) -> None:
    world.succeed(operation)


@check(lambda operation: operation.body_schema is not None)
def refuses_the_same_again_as_documented(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for _ in range(2):
        judge_of(world.app).judge(world.send(operation, case))


@check(lambda operation: bool(operation.path_names))
def has_no_things_that_never_were(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(case.actor, any_path(operation), case.body, case.form)), 404, "not-found")
    path = dict.fromkeys(operation.path_names, "%00")
    problem(world.send(operation, Case(case.actor, path, case.body, case.form)), 404, "not-found")


@check()
def every_answer_carries_the_headers(operation: Operation, world: World) -> None:
    refused = world.send(operation, Case(world.nobody, any_path(operation)), query_string={"no-such": "1"})
    assert refused.status_code >= 400
    for answer in (world.succeed(operation), refused):
        assert not [name for name in _HEADERS if name not in answer.headers]
        assert "Server" not in answer.headers


@check()
def keeps_the_request_id(operation: Operation, world: World) -> None:
    request_id = str(uuid4())
    assert world.succeed(operation, headers={"X-Request-ID": request_id}).headers["X-Request-ID"] == request_id
    forged = world.succeed(operation, headers={"X-Request-ID": "a b"})
    assert forged.headers["X-Request-ID"] not in ("", "a b")


@check()
def is_logged_once_with_its_trace(operation: Operation, world: World) -> None:
    trace_id, case = uuid4().hex, world.case(operation)
    with noted(logging.getLogger("groundwork")) as events:
        world.succeed(operation, case, headers={"traceparent": f"00-{trace_id}-{'1' * 16}-01"})
    assert [event["trace_id"] for event in events if event["event"] == "request"] == [trace_id]


@check(lambda operation: not operation.rule.any_host)
def does_not_answer_for_other_hosts(operation: Operation, world: World) -> None:
    problem(world.send(operation, world.case(operation), headers={"Host": "evil.example"}), 400, "malformed-request")


@check(lambda operation: operation.rule.json)
def refuses_who_rules_out_json(operation: Operation, world: World) -> None:
    problem(world.send(operation, world.case(operation), headers={"Accept": "text/xml"}), 406, "not-acceptable")


@check()
def names_the_methods_that_there_are(operation: Operation, world: World) -> None:
    case = Case(world.nobody, any_path(operation))
    answer = world.app.test_client().open(operation.path.format(**case.path), method="TRACE")
    problem(answer, 405, "method-not-allowed")
    assert operation.method in answer.headers["Allow"]


@check(lambda operation: operation.method == "GET")
def reads_write_nothing(operation: Operation, world: World) -> None:
    case, written = world.case(operation), []

    def note(_connection: object, _cursor: object, statement: str, *_context: object) -> None:
        if statement.lstrip().upper().startswith(_WRITES):
            written.append(statement)

    with world.app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            world.succeed(operation, case)
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
    assert written == []


@check(lambda operation: bool(operation.rule.limits))
def tells_what_is_left_of_its_limits(operation: Operation, world: World) -> None:
    for answer in (world.succeed(operation), world.send(operation, world.case(operation), json={})):
        assert answer.headers["RateLimit"]
        assert answer.headers["RateLimit-Policy"]


@check(lambda operation: operation.rule.deprecation is not None)
def says_that_it_ends(operation: Operation, world: World) -> None:
    answer = world.succeed(operation)
    assert answer.headers["Deprecation"].startswith("@")
    assert answer.headers["Sunset"].endswith(" GMT")
    assert 'rel="deprecation"' in ",".join(answer.headers.getlist("Link"))


@contextmanager
def noted(logger: logging.Logger) -> Iterator[list[Any]]:
    """The events that are logged in the block."""
    events: list[Any] = []
    handler = logging.Handler()
    handler.emit = lambda record: events.append(record.msg)  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        yield events
    finally:
        logger.removeHandler(handler)
