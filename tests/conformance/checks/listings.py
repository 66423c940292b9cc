"""Pages."""

from typing import Any

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem

_MADE = 3


def _is_listing(operation: Operation) -> bool:
    return operation.is_listing


@check(lambda operation: operation.method == "GET" and "pagination" not in operation.rule.exempt)
def lists_in_pages(operation: Operation, world: World) -> None:
    for _status, schema in operation.answer_schemas():
        members = schema.get("properties", {"": schema})
        lists = [name for name, member in members.items() if _is_list_of_things(operation, member)]
        assert not lists or operation.is_listing, f"{lists}: take PageQuery, or excuse it from `paging`"
    if operation.is_listing:
        assert set(operation.resolved(schema)["properties"]) == {"items", "next_cursor"}


@check(_is_listing)
def pages_lead_through_everything_once(operation: Operation, world: World) -> None:
    case = _filled(operation, world)
    whole = _all(operation, world, case, limit="100")
    assert len(whole) > 1
    assert _all(operation, world, case, limit="2") == whole
    ids = [item["id"] for item in whole if "id" in item]
    assert ids == sorted(ids, reverse=True)


@check(_is_listing)
def next_page_is_linked(operation: Operation, world: World) -> None:
    answer = world.succeed(operation, _filled(operation, world), query_string={"limit": "1"})
    url = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert answer.headers["Link"].endswith('; rel="next"')
    assert url.startswith(world.app.extensions["settings"].public_url + answer.request.path)
    assert f"cursor={answer.json['next_cursor']}" in url


@check(_is_listing)
def altered_cursors_are_refused(operation: Operation, world: World) -> None:
    case = _filled(operation, world)
    cursor = _page(operation, world, case, limit="1")["next_cursor"]
    altered = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    for bad in [*altered[::7], altered[-1], cursor + "=", cursor[:-1], cursor.swapcase(), "x", "", "é"]:
        answer = world.send(operation, case, query_string={"cursor": bad})
        assert problem(answer, 400, "invalid-cursor"), bad


@check(_is_listing)
def cursor_is_good_for_its_caller_and_listing_only(operation: Operation, world: World) -> None:
    case = _filled(operation, world)
    cursor = _page(operation, world, case, limit="1")["next_cursor"]
    others = [one for one in world.operations if one.is_listing and one.path != operation.path]
    for other in others:
        foreign = world.case(other)
        problem(world.send(other, foreign, query_string={"cursor": cursor}), 400, "invalid-cursor")
    if operation.rule.access.kind != "member":
        other = Case(world.another(operation.rule.access), case.path)
        answer = world.send(operation, other, query_string={"cursor": cursor})
        problem(answer, 400, "invalid-cursor")


@check(_is_listing)
def limits_are_limited(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for limit in ("0", "-1", "101", "1000000000", "x", "", "1.5", "\u0661"):
        assert problem(world.send(operation, case, query_string={"limit": limit}), 422, "validation-failed"), limit


def _filled(operation: Operation, world: World) -> Case:
    """A request for a listing that has something in it."""
    case = world.case(operation)
    maker = world.collection_of(operation.path)
    for _ in range(_MADE if maker else 0):
        assert maker is not None
        made = world.case(maker)
        world.succeed(maker, Case(made.actor, {**made.path, **case.path}, made.body, made.form))
    return case


def _all(operation: Operation, world: World, case: Case, limit: str) -> list[Any]:
    """Every item, page by page."""
    items, query = [], {"limit": limit}
    while True:
        page = _page(operation, world, case, **query)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]


def _page(operation: Operation, world: World, case: Case, **query: str) -> dict[str, Any]:
    page: dict[str, Any] = world.succeed(operation, case, query_string=query).json
    return page


def _is_list_of_things(operation: Operation, schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", "object")
    return "array" in kinds and operation.resolved(schema["items"]).get("type") == "object"
