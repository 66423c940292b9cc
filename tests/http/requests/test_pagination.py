"""Listings: newest first, in pages that neither skip nor repeat, by cursors that are good for nothing else."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.kit.clients.api import Api, created, pointers, problem

LISTINGS = ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
BASE = "http://localhost:8000/api/v1"


def pages(api: Api, path: str, **query: Any) -> list[list[str]]:
    """The ids of the items, page by page."""
    body = created(api.get(path, query_string=query))
    found = [[item["id"] for item in body["items"]]]
    while body["next_cursor"]:
        body = created(api.get(path, query_string={**query, "cursor": body["next_cursor"]}))
        found.append([item["id"] for item in body["items"]])
    return found


def organizations(api: Api, number: int) -> list[str]:
    """The ids of new organizations, oldest first."""
    return [api.organization(f"Engines {index}")["id"] for index in range(number)]


def first_cursor(api: Api, path: str = "/organizations", **query: Any) -> str:
    """The cursor to the second page of one item."""
    return str(created(api.get(path, query_string={"limit": 1, **query}))["next_cursor"])


@pytest.fixture(scope="module")
def grace(shared_app: Flask) -> Api:
    """A user with two organizations, two files and two invitations, whom no test changes."""
    grace = Api(shared_app.test_client()).signed_in("grace@example.com")
    first, second = organizations(grace, 2)
    for index in range(2):
        grace.upload()
        for organization_id in (first, second):
            grace.invitation(organization_id, f"invited{index}@example.com")
    return grace


@pytest.fixture
def own(grace: Api) -> list[str]:
    """The ids of her organizations."""
    return [item["id"] for item in grace.get("/organizations").json["items"]]


def test_pages_hold_each_row_once_and_newest_first(api: Api) -> None:
    ada = api.signed_in()
    made_ = organizations(ada, 5)
    newest_first = made_[::-1]
    assert pages(ada, "/organizations", limit=2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_full_last_page_has_no_next(api: Api) -> None:
    ada = api.signed_in()
    organizations(ada, 2)
    answer = ada.get("/organizations?limit=2")
    assert answer.json["next_cursor"] is None
    assert "Link" not in answer.headers


def test_rows_that_come_and_go_meanwhile_are_neither_skipped_nor_repeated(api: Api) -> None:
    ada = api.signed_in()
    files = [created(ada.upload())["id"] for _ in range(5)]
    first = created(ada.get("/files?limit=2"))
    ada.upload()
    for gone in (files[4], files[3], files[2]):
        ada.delete(f"/files/{gone}")
    second = created(ada.get(f"/files?limit=2&cursor={first['next_cursor']}"))
    assert [[item["id"] for item in page["items"]] for page in (first, second)] == [files[:2:-1], [files[1], files[0]]]


def test_twenty_are_listed_unless_said_otherwise(api: Api) -> None:
    ada = api.signed_in()
    organizations(ada, 21)
    assert len(ada.get("/organizations").json["items"]) == 20


@pytest.mark.parametrize("path", ["/organizations", "/files", "/organizations/{}/invitations"])
def test_link_header_is_absolute_and_leads_where_the_cursor_does(grace: Api, own: list[str], path: str) -> None:
    answer = grace.get(f"{path.format(own[0])}?limit=1")
    query = urlencode({"limit": 1, "cursor": answer.json["next_cursor"]})
    assert answer.headers["Link"] == f'<{BASE}{path.format(own[0])}?{query}>; rel="next"'


def test_link_header_keeps_the_filters(grace: Api) -> None:
    answer = grace.get("/files?limit=1&status=stored&content_type=text/plain")
    expected = {"limit": 1, "status": "stored", "content_type": "text/plain", "cursor": answer.json["next_cursor"]}
    assert answer.headers["Link"] == f'<{BASE}/files?{urlencode(expected)}>; rel="next"'


@pytest.mark.parametrize("limit", ["1", "100", "007"])
def test_limit_within_bounds_is_taken(grace: Api, limit: str) -> None:
    assert grace.get(f"/organizations?limit={limit}").status_code == 200


@pytest.mark.parametrize(
    "limit",
    ["0", "-1", "101", "1000000000", "9" * 30, "", "x", "1.5", "1e2", "%201", "1_0", "%EF%BC%91", "%00"],
)
def test_limit_out_of_bounds_is_refused(grace: Api, limit: str) -> None:
    body = problem(grace.get(f"/organizations?limit={limit}"), 422, "validation-failed")
    assert pointers(body) == {("query", "/limit")}


@pytest.mark.parametrize(
    "path", ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
)
@pytest.mark.parametrize("query", ["page=2", "offset=1", "Limit=1", "sort=name", "limit[]=1", "=1"])
def test_unknown_parameter_is_refused(grace: Api, own: list[str], path: str, query: str) -> None:
    problem(grace.get(f"{path.format(own[0])}?{query}"), 422, "validation-failed")


@pytest.mark.parametrize(
    "path", ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
)
@pytest.mark.parametrize("query", ["limit=1&limit=1", "limit=1&limit=2", "cursor=a&cursor=a"])
def test_repeated_parameter_is_refused(grace: Api, own: list[str], path: str, query: str) -> None:
    body = problem(grace.get(f"{path.format(own[0])}?{query}"), 422, "validation-failed")
    assert pointers(body) == {("query", f"/{query.partition('=')[0]}")}


def test_cursor_with_any_character_changed_is_invalid(grace: Api) -> None:
    cursor = first_cursor(grace)
    assert grace.get(f"/organizations?cursor={cursor}").status_code == 200
    for index, character in enumerate(cursor):
        for other in {"A", "_", chr(ord(character) ^ 1)} - {character}:
            altered = cursor[:index] + other + cursor[index + 1 :]
            problem(grace.get("/organizations", query_string={"cursor": altered}), 400, "invalid-cursor")


@pytest.mark.parametrize(
    "change", ["{}=", "{}A", "A{}", " {}", "{}\n", "{}.", "", "x", "{}{}", "\u0000", "é", "x" * 999]
)
def test_cursor_spelled_otherwise_is_invalid(grace: Api, change: str) -> None:
    altered = change.replace("{}", first_cursor(grace))
    problem(grace.get("/organizations", query_string={"cursor": altered}), 400, "invalid-cursor")


def test_cursor_is_cut_short_by_no_character(grace: Api) -> None:
    cursor = first_cursor(grace)
    for length in range(len(cursor)):
        problem(grace.get("/organizations", query_string={"cursor": cursor[:length]}), 400, "invalid-cursor")


def test_cursor_of_another_caller_is_invalid(grace: Api, ada: Api) -> None:
    problem(ada.get(f"/organizations?cursor={first_cursor(grace)}"), 400, "invalid-cursor")


def test_cursor_of_another_listing_is_invalid(grace: Api) -> None:
    problem(grace.get(f"/files?cursor={first_cursor(grace)}"), 400, "invalid-cursor")


def test_cursor_of_another_organization_is_invalid(grace: Api, own: list[str]) -> None:
    cursor = first_cursor(grace, f"/organizations/{own[0]}/invitations")
    problem(grace.get(f"/organizations/{own[1]}/invitations?cursor={cursor}"), 400, "invalid-cursor")


@pytest.mark.parametrize(
    "filters",
    [{}, {"content_type": "image/png"}, {"status": "trashed"}, {"content_type": "text/plain", "status": "stored"}],
)
def test_cursor_of_other_filters_is_invalid(grace: Api, filters: dict[str, str]) -> None:
    cursor = first_cursor(grace, "/files", content_type="text/plain")
    problem(grace.get("/files", query_string={"cursor": cursor, **filters}), 400, "invalid-cursor")


def test_cursor_may_be_followed_with_another_limit(grace: Api) -> None:
    assert len(created(grace.get(f"/organizations?limit=100&cursor={first_cursor(grace)}"))["items"]) == 1


def test_cursor_shows_nothing_that_it_stands_for(grace: Api) -> None:
    assert grace.user["id"].replace("-", "") not in first_cursor(grace)
