"""Listings: pages, cursors and page limits."""

from typing import Any

from tests.conformance import samples
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import problem

_CREATED = 3


def _is_listing(operation: Operation) -> bool:
    return operation.is_listing


@check(lambda operation: operation.method == "GET" and "pagination" not in operation.rule.exempt)
def lists_are_paginated(operation: Operation, world: World) -> None:
    for _status, schema in operation.response_schemas():
        members = schema.get("properties", {"": schema})
        lists = [name for name, member in members.items() if _is_list_of_objects(operation, member)]
        assert not lists or operation.is_listing, (
            f'{lists}: accept PageQuery, or declare exempt={{"pagination": "<reason>"}}'
        )
    if operation.is_listing:
        assert set(operation.resolved(schema)["properties"]) == {"items", "next_cursor"}


@check(_is_listing)
def pages_contain_every_item_exactly_once(operation: Operation, world: World) -> None:
    case = case_with_items(operation, world)
    items = _all_items(operation, world, case, limit="100")
    assert len(items) > 1
    assert _all_items(operation, world, case, limit="2") == items, (
        "every page size must return the same items in the same order"
    )
    ids = [item["id"] for item in items if "id" in item]
    assert ids == sorted(ids, reverse=True), "the items must be sorted by id, newest first"


@check(_is_listing)
def next_page_is_linked(operation: Operation, world: World) -> None:
    response = world.succeed(operation, case_with_items(operation, world), query_string={"limit": "1"})
    url = response.headers["Link"].partition(">")[0].removeprefix("<")
    assert response.headers["Link"].endswith('; rel="next"')
    assert url.startswith(world.app.extensions["settings"].public_url + response.request.path)
    assert f"cursor={response.json['next_cursor']}" in url


@check(_is_listing)
def altered_cursors_are_rejected(operation: Operation, world: World) -> None:
    case = case_with_items(operation, world)
    cursor = _page(operation, world, case, limit="1")["next_cursor"]
    altered = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    for invalid in [*altered[::7], altered[-1], cursor + "=", cursor[:-1], cursor.swapcase(), "x", "", "é"]:
        response = world.send(operation, case, query_string={"cursor": invalid})
        assert problem(response, 400, "invalid-cursor"), invalid


@check(_is_listing)
def cursors_are_bound_to_their_caller_and_listing(operation: Operation, world: World) -> None:
    case = case_with_items(operation, world)
    cursor = _page(operation, world, case, limit="1")["next_cursor"]
    other_listings = [other for other in world.operations if other.is_listing and other.path != operation.path]
    for listing in other_listings:
        response = world.send(listing, world.case(listing), query_string={"cursor": cursor})
        problem(response, 400, "invalid-cursor")
    if operation.rule.access.kind != "member":
        other_caller = Case(world.other_actor(operation.rule.access), case.path)
        response = world.send(operation, other_caller, query_string={"cursor": cursor})
        problem(response, 400, "invalid-cursor")


@check(_is_listing)
def invalid_page_limits_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    for limit in ("0", "-1", "101", "1000000000", "x", "", "1.5", "\u0661"):
        assert problem(world.send(operation, case, query_string={"limit": limit}), 422, "validation-failed"), limit


@check(_is_listing)
def filters_select_only_matching_items(operation: Operation, world: World) -> None:
    case = case_with_items(operation, world)
    items = _page(operation, world, case)["items"]
    for name in operation.query.keys() & items[0].keys():
        schema = operation.resolved(operation.query[name])
        other = world.organization_id if name == "organization_id" else samples.value(operation, schema)
        for value in schema.get("enum") or {other, *(item[name] for item in items if item[name])}:
            response = world.send(operation, case, query_string={name: value})
            selected = {item[name] for item in response.json.get("items", ())}
            assert selected <= {value}, f"{name}={value} selects items with other values: {selected}"


def case_with_items(operation: Operation, world: World) -> Case:
    """Return a request for a non-empty listing."""
    case = world.case(operation)
    create = world.create_operation(operation.path)
    for _ in range(_CREATED if create else 0):
        assert create is not None
        creation = world.case(create)
        world.succeed(create, Case(creation.actor, {**creation.path, **case.path}, creation.body, creation.form))
    return case


def _all_items(operation: Operation, world: World, case: Case, limit: str) -> list[Any]:
    """Return the items of all pages, following the cursors."""
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


def _is_list_of_objects(operation: Operation, schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", "object")
    return "array" in kinds and operation.resolved(schema["items"]).get("type") == "object"
