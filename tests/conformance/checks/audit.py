"""The audit trail: changes and denied requests leave entries."""

from dataclasses import replace
from typing import Any

from tests.conformance.check import check
from tests.conformance.contract import contracts
from tests.conformance.operation import Operation
from tests.conformance.world import World
from tests.kit.clients.api import problem, success


def is_audited(operation: Operation) -> bool:
    """Whether the operation changes something, and its contract does not exempt it from the audit trail."""
    contract = contracts().get(operation.rule.endpoint.partition(".")[0])
    unaudited = None if contract is None else contract.unaudited
    return operation.method != "GET" and unaudited is not None and operation.name not in unaudited


def requires_a_role(operation: Operation) -> bool:
    """Whether the operation is denied to some authenticated callers, who receive 403."""
    return operation.rule.access.kind == "admin" or operation.rule.access.role not in ("", "member")


@check(is_audited)
def changes_leave_an_audit_entry(operation: Operation, world: World) -> None:
    response = world.succeed(operation)
    entry = _newest_entry(world)
    assert (entry["request_id"], entry["outcome"]) == (response.headers["X-Request-ID"], "success"), (
        f"call audit.record() in the transaction, or declare unaudited={{...}} in {operation.contract_file}"
    )


@check(requires_a_role)
def denied_requests_leave_an_audit_entry(operation: Operation, world: World) -> None:
    case = world.case(operation)
    caller = world.owner if operation.rule.access.kind == "admin" else world.member
    response = world.send(operation, replace(case, actor=caller))
    problem(response, 403, "permission-denied")
    entry = _newest_entry(world)
    assert (entry["request_id"], entry["outcome"]) == (response.headers["X-Request-ID"], "denied")
    assert (entry["action"], entry["actor"]["id"]) == (operation.rule.endpoint, caller.user["id"])


def _newest_entry(world: World) -> dict[str, Any]:
    entry: dict[str, Any] = success(world.administrator.get("/audit", query_string={"limit": "1"}))["items"][0]
    return entry
