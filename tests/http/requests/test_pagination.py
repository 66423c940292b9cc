"""Listings: the newest items come first, pages are stable, and cursors are bound to the caller, listing and filters."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.kit.clients.api import Api, pointers, problem, success

LISTINGS = ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
BASE = "http://localhost:8000/api/v1"


def pages(api: Api, path: str, **query: Any) -> list[list[str]]:
    """Return the IDs of the items on each page."""
    body = success(api.get(path, query_string=query))
    ids_by_page = [[item["id"] for item in body["items"]]]
    while body["next_cursor"]:
        body = success(api.get(path, query_string={**query, "cursor": body["next_cursor"]}))
        ids_by_page.append([item["id"] for item in body["items"]])
    return ids_by_page


def create_organizations(api: Api, count: int) -> list[str]:
    """Create organizations and return their IDs, oldest first."""
    return [api.organization(f"Engines {index}")["id"] for index in range(count)]


def first_cursor(api: Api, path: str = "/organizations", **query: Any) -> str:
    """Return the cursor for the second page, with one item per page."""
    return str(success(api.get(path, query_string={"limit": 1, **query}))["next_cursor"])


@pytest.fixture(scope="module")
def grace(shared_app: Flask) -> Api:
    """A user with two organizations, two files, and two invitations per organization. Treat as read-only."""
    grace = Api(shared_app.test_client()).as_new_user("grace@example.com")
    first, second = create_organizations(grace, 2)
    for index in range(2):
        grace.upload()
        for organization_id in (first, second):
            grace.invitation(organization_id, f"invited{index}@example.com")
    return grace


@pytest.fixture
def organization_ids(grace: Api) -> list[str]:
    """The IDs of Grace's organizations."""
    return [item["id"] for item in grace.get("/organizations").json["items"]]


def test_each_item_appears_once_and_newest_items_come_first(api: Api) -> None:
    ada = api.as_new_user()
    newest_first = create_organizations(ada, 5)[::-1]
    assert pages(ada, "/organizations", limit=2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_last_page_has_no_next_cursor_even_if_it_is_full(api: Api) -> None:
    ada = api.as_new_user()
    create_organizations(ada, 2)
    response = ada.get("/organizations?limit=2")
    assert response.json["next_cursor"] is None
    assert "Link" not in response.headers


def test_no_item_is_skipped_or_repeated_if_files_are_added_or_deleted_between_pages(api: Api) -> None:
    ada = api.as_new_user()
    files = [success(ada.upload())["id"] for _ in range(5)]
    first = success(ada.get("/files?limit=2"))
    ada.upload()
    for deleted in (files[4], files[3], files[2]):
        ada.delete(f"/files/{deleted}")
    second = success(ada.get(f"/files?limit=2&cursor={first['next_cursor']}"))
    assert [[item["id"] for item in page["items"]] for page in (first, second)] == [files[:2:-1], [files[1], files[0]]]


def test_default_page_size_is_20(api: Api) -> None:
    ada = api.as_new_user()
    create_organizations(ada, 21)
    assert len(ada.get("/organizations").json["items"]) == 20


@pytest.mark.parametrize("path", ["/organizations", "/files", "/organizations/{}/invitations"])
def test_link_header_contains_absolute_url_with_cursor(grace: Api, organization_ids: list[str], path: str) -> None:
    response = grace.get(f"{path.format(organization_ids[0])}?limit=1")
    query = urlencode({"limit": 1, "cursor": response.json["next_cursor"]})
    assert response.headers["Link"] == f'<{BASE}{path.format(organization_ids[0])}?{query}>; rel="next"'


def test_link_header_includes_filters(grace: Api) -> None:
    response = grace.get("/files?limit=1&status=stored&content_type=text/plain")
    expected = {"limit": 1, "status": "stored", "content_type": "text/plain", "cursor": response.json["next_cursor"]}
    assert response.headers["Link"] == f'<{BASE}/files?{urlencode(expected)}>; rel="next"'


@pytest.mark.parametrize("limit", ["1", "100", "007"])
def test_limit_within_bounds_is_accepted(grace: Api, limit: str) -> None:
    assert grace.get(f"/organizations?limit={limit}").status_code == 200


@pytest.mark.parametrize(
    "limit",
    ["0", "-1", "101", "1000000000", "9" * 30, "", "x", "1.5", "1e2", "%201", "1_0", "%EF%BC%91", "%00"],
)
def test_invalid_limit_is_rejected(grace: Api, limit: str) -> None:
    body = problem(grace.get(f"/organizations?limit={limit}"), 422, "validation-failed")
    assert pointers(body) == {("query", "/limit")}


@pytest.mark.parametrize(
    "path", ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
)
@pytest.mark.parametrize("query", ["page=2", "offset=1", "Limit=1", "sort=name", "limit[]=1", "=1"])
def test_unknown_query_parameter_is_rejected(grace: Api, organization_ids: list[str], path: str, query: str) -> None:
    problem(grace.get(f"{path.format(organization_ids[0])}?{query}"), 422, "validation-failed")


@pytest.mark.parametrize(
    "path", ["/organizations", "/files", "/organizations/{}/members", "/organizations/{}/invitations"]
)
@pytest.mark.parametrize("query", ["limit=1&limit=1", "limit=1&limit=2", "cursor=a&cursor=a"])
def test_repeated_query_parameter_is_rejected(grace: Api, organization_ids: list[str], path: str, query: str) -> None:
    body = problem(grace.get(f"{path.format(organization_ids[0])}?{query}"), 422, "validation-failed")
    assert pointers(body) == {("query", f"/{query.partition('=')[0]}")}


def test_cursor_with_changed_character_is_invalid(grace: Api) -> None:
    cursor = first_cursor(grace)
    assert grace.get(f"/organizations?cursor={cursor}").status_code == 200
    for index, character in enumerate(cursor):
        for other in {"A", "_", chr(ord(character) ^ 1)} - {character}:
            altered = cursor[:index] + other + cursor[index + 1 :]
            problem(grace.get("/organizations", query_string={"cursor": altered}), 400, "invalid-cursor")


@pytest.mark.parametrize(
    "change", ["{}=", "{}A", "A{}", " {}", "{}\n", "{}.", "", "x", "{}{}", "\u0000", "é", "x" * 999]
)
def test_malformed_cursor_is_invalid(grace: Api, change: str) -> None:
    altered = change.replace("{}", first_cursor(grace))
    problem(grace.get("/organizations", query_string={"cursor": altered}), 400, "invalid-cursor")


def test_truncated_cursor_is_invalid(grace: Api) -> None:
    cursor = first_cursor(grace)
    for length in range(len(cursor)):
        problem(grace.get("/organizations", query_string={"cursor": cursor[:length]}), 400, "invalid-cursor")


def test_cursor_issued_to_another_caller_is_invalid(grace: Api, ada: Api) -> None:
    problem(ada.get(f"/organizations?cursor={first_cursor(grace)}"), 400, "invalid-cursor")


def test_cursor_issued_for_another_listing_is_invalid(grace: Api) -> None:
    problem(grace.get(f"/files?cursor={first_cursor(grace)}"), 400, "invalid-cursor")


def test_cursor_issued_for_another_organization_is_invalid(grace: Api, organization_ids: list[str]) -> None:
    cursor = first_cursor(grace, f"/organizations/{organization_ids[0]}/invitations")
    problem(grace.get(f"/organizations/{organization_ids[1]}/invitations?cursor={cursor}"), 400, "invalid-cursor")


@pytest.mark.parametrize(
    "filters",
    [{}, {"content_type": "image/png"}, {"status": "trashed"}, {"content_type": "text/plain", "status": "stored"}],
)
def test_cursor_is_invalid_with_different_filters(grace: Api, filters: dict[str, str]) -> None:
    cursor = first_cursor(grace, "/files", content_type="text/plain")
    problem(grace.get("/files", query_string={"cursor": cursor, **filters}), 400, "invalid-cursor")


def test_cursor_is_valid_with_a_different_limit(grace: Api) -> None:
    assert len(success(grace.get(f"/organizations?limit=100&cursor={first_cursor(grace)}"))["items"]) == 1


def test_cursor_does_not_contain_caller_id(grace: Api) -> None:
    assert grace.user["id"].replace("-", "") not in first_cursor(grace)
