"""Organizations: creation, slugs, listings, members, and 404 for non-members."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from project.blueprints.organizations.models import Membership, Organization
from project.infrastructure.database import read
from tests.kit.clients.api import Api, pointers, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UNKNOWN_ID = "01a20472-de38-71e6-9445-d8d74c06d560"
Join = Callable[..., Api]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user("ada@example.com", display_name="Ada")


@pytest.fixture(scope="module")
def grace(shared_api: Api) -> Api:
    """A user of the shared application."""
    return shared_api.as_new_user()


def test_creator_becomes_owner(ada: Api) -> None:
    organization = ada.organization("Analytical Engines")
    assert (organization["name"], organization["slug"]) == ("Analytical Engines", "analytical-engines")
    assert organization["role"] == "owner"
    assert success(ada.get(f"/organizations/{organization['id']}")) == organization


def test_derived_slug_gets_suffix_if_taken(ada: Api) -> None:
    slugs = [ada.organization()["slug"] for _ in range(3)]
    assert slugs[0] == "analytical-engines"
    assert len(set(slugs)) == 3
    assert all(re.fullmatch("analytical-engines-[0-9a-f]{6}", slug) for slug in slugs[1:])


def test_derived_slug_may_have_two_characters(grace: Api) -> None:
    assert grace.organization("Qx")["slug"] == "qx"


def test_derived_slug_is_truncated_to_50_characters(ada: Api) -> None:
    assert ada.organization("a" * 60)["slug"] == "a" * 50


def test_taken_slug_is_rejected_and_nothing_is_created(app: Flask, ada: Api) -> None:
    ada.organization(slug="engines")
    problem(ada.post("/organizations", {"name": "Other", "slug": "engines"}), 409, "slug-taken")
    with app.app_context(), read() as connection:
        counts = [connection.scalar(select(func.count()).select_from(model)) for model in (Organization, Membership)]
    assert counts == [1, 1]


@pytest.mark.parametrize("name", ["李", "!!!", "👩‍💻", "x", "A" * 100, "Zoë & Söhne", "--", "İ"])
def test_organization_with_any_valid_name_gets_a_slug(grace: Api, name: str) -> None:
    organization = grace.organization(name)
    assert organization["name"] == name
    second = grace.organization("Second", slug=f"{organization['slug'][:60]}-2")
    assert second["slug"].endswith("-2")


@pytest.mark.parametrize("slug", ["ab", "a-b", "a1", "1-2-3", "a" * 63])
def test_valid_slug_is_accepted(grace: Api, slug: str) -> None:
    assert grace.organization(slug=slug)["slug"] == slug


@pytest.mark.parametrize(
    "slug", ["", "a", "A-b", "a--b", "-a", "a-", "a_b", "a b", "a/b", "../x", "ä", "a\n", "aa\n", "a" * 64, "\u0430b"]
)
def test_invalid_slug_is_rejected(grace: Api, slug: str) -> None:
    response = grace.post("/organizations", {"name": "Engines", "slug": slug})
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/slug")}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\rb", "a\u202eb", "\u200b", "x" * 101, "\u0000"])
def test_invalid_name_is_rejected(grace: Api, name: str) -> None:
    response = grace.post("/organizations", {"name": name})
    assert pointers(problem(response, 422, "validation-failed")) == {("body", "/name")}


@pytest.mark.parametrize("member", ["id", "role", "owner_id", "created_at", "organization_id", "members"])
def test_read_only_fields_are_rejected(grace: Api, member: str) -> None:
    response = grace.post("/organizations", {"name": "Engines", member: "owner"})
    assert pointers(problem(response, 422, "validation-failed")) == {("body", f"/{member}")}


def test_listing_shows_only_organizations_the_caller_belongs_to(ada: Api) -> None:
    eve = ada.as_new_user()
    eve.organization("Eve's")
    mine = [ada.organization(f"Engines {number}") for number in range(2)]
    assert success(ada.get("/organizations"))["items"] == mine[::-1]


def test_response_includes_the_role_of_the_caller(ada: Api, join: Join) -> None:
    organization = ada.organization()
    guest = join(ada, organization["id"], "admin")
    assert success(guest.get(f"/organizations/{organization['id']}"))["role"] == "admin"
    assert [item["role"] for item in success(guest.get("/organizations"))["items"]] == ["admin"]


def test_members_are_listed_newest_first(ada: Api, join: Join) -> None:
    organization = ada.organization()
    guests = [join(ada, organization["id"]) for _ in range(2)]
    path = f"/organizations/{organization['id']}/members"
    first = success(guests[0].get(f"{path}?limit=2"))
    last = success(guests[0].get(f"{path}?limit=2&cursor={first['next_cursor']}"))
    listed = [item["user_id"] for page in (first, last) for item in page["items"]]
    assert listed == [guests[1].user["id"], guests[0].user["id"], ada.user["id"]]


@ON_SQLITE
def test_member_is_listed_with_name_and_role(ada: Api) -> None:
    organization = ada.organization()
    member = success(ada.get(f"/organizations/{organization['id']}/members"))["items"][0]
    assert member.pop("joined_at").endswith("Z")
    assert member == {
        "user_id": ada.user["id"],
        "display_name": "Ada",
        "email": "ada@example.com",
        "role": "owner",
    }


@pytest.mark.parametrize("path", ["", "/members", "/invitations", f"/invitations/{UNKNOWN_ID}"])
def test_organization_is_not_found_for_non_members(grace: Api, path: str) -> None:
    eve = grace.as_new_user()
    organization = grace.organization()
    hidden = eve.get(f"/organizations/{organization['id']}{path}", headers={"X-Request-ID": "same"})
    absent = eve.get(f"/organizations/{UNKNOWN_ID}{path}", headers={"X-Request-ID": "same"})
    problem(hidden, 404, "not-found")
    assert _without_path(hidden.json) == _without_path(absent.json)
    assert dict(hidden.headers) | {"Content-Length": ""} == dict(absent.headers) | {"Content-Length": ""}


@pytest.mark.parametrize("organization_id", ["x", "1", UNKNOWN_ID.replace("-", ""), f"{UNKNOWN_ID}x", "%00", ".."])
def test_malformed_organization_id_returns_404(grace: Api, organization_id: str) -> None:
    problem(grace.get(f"/organizations/{organization_id}"), 404, "not-found")


def _without_path(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "instance"}
