"""What a page costs: as much at the end of two hundred thousand rows as at the beginning of a thousand.

Judged by what PostgreSQL did for real requests: which indexes it walked, how many rows and pages it touched. Beside
each listing are the rows of others, older and newer; else an index that leads nowhere would seem to lead to the page,
and in a table of nothing but the thousand rows PostgreSQL might rightly not bother with an index.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from flask import Flask, g
from sqlalchemy import Uuid, text

from project.config import Settings
from project.http.requests.pagination import page_response
from project.infrastructure.database import db, read
from project.infrastructure.database.pagination import Page
from project.infrastructure.jobs import STATUSES
from tests.conformance.operation import operations_of
from tests.kit.clients.api import Api, created
from tests.kit.fixtures import bulk_rows
from tests.kit.fixtures.administrators import administrator
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.query_plans import Plan, explained
from tests.kit.servers.services import Postgres

SMALL, LARGE = 1_000, 200_000
LIMIT = 20
# Beside the rows of the page and the one that says whether there is a next: what has lapsed since the last sweep.
SLACK = bulk_rows.LAPSED
# These have two parts, of which the second is no longer than SLACK.
SORTING = {"expired"}
# psycopg prepares at once here; five times PostgreSQL plans for the values, then it may settle on a plan for all.
EXECUTIONS = 7


@dataclass(frozen=True)
class Case:
    """A listing and filters; `rows` are those that it shows, in the words of SQL."""

    operation: str
    path: str
    rows: str
    filters: dict[str, str] = field(default_factory=dict)
    by: str = "caller"

    def __str__(self) -> str:
        return "-".join([self.operation, *(["own"] if self.by == "member" else []), *self.filters.values()])


ORGANIZATION = {"organization_id": "{organization}"}
PICTURES = {"content_type": "image/png"}
_OF_ORGANIZATION = "organization_id = :organization"
_PERSONAL = "files WHERE owner_id = :caller AND organization_id IS NULL"
_SHARED = f"files WHERE {_OF_ORGANIZATION}"
_INVITED = f"invitations WHERE {_OF_ORGANIZATION}"
_MEMBERSHIPS = "(SELECT organization_id AS id, user_id FROM memberships) AS own WHERE user_id = :caller"
_LAPSED = "expires_at < now()"


def _of_files(rows: str, by: str = "caller", **more: str) -> Iterator[Case]:
    for status in ("trashed",) if by == "member" else ("stored", "trashed"):
        for pictures in ({}, PICTURES):
            condition = f"{rows} AND status = '{status}'" + (" AND content_type = 'image/png'" if pictures else "")
            yield Case("list_files", "/files", condition, {"status": status, **pictures, **more}, by)


def _of_invitations() -> Iterator[Case]:
    path = "/organizations/{organization}/invitations"
    yield Case("list_invitations", path, f"{_INVITED} AND true")
    for status, condition in {
        "pending": f"status = 'pending' AND NOT {_LAPSED}",
        "accepted": "status = 'accepted'",
        "expired": f"(status = 'expired' OR status = 'pending' AND {_LAPSED})",
    }.items():
        yield Case("list_invitations", path, f"{_INVITED} AND {condition}", {"status": status})


def _of_jobs() -> Iterator[Case]:
    for status in STATUSES:
        for name in ({}, {"name": bulk_rows.JOB}):
            condition = f"status = '{status}'" + (f" AND name = '{bulk_rows.JOB}'" if name else "")
            yield Case("list_jobs", "/jobs", f"jobs WHERE {condition}", {"status": status, **name}, by="administrator")


CASES = [
    Case("list_organizations", "/organizations", _MEMBERSHIPS),
    Case("list_members", "/organizations/{organization}/members", f"memberships WHERE {_OF_ORGANIZATION}"),
    *_of_invitations(),
    *_of_files(_PERSONAL),
    *_of_files(_SHARED, **ORGANIZATION),
    *_of_files(f"{_SHARED} AND owner_id = :member", by="member", **ORGANIZATION),
    *_of_jobs(),
]


class World:
    """An application with listings of a given length, their owner, a member of her organization, an administrator."""

    def __init__(self, app: Flask, url: str, size: int) -> None:
        self.app = app
        nobody = Api(app.test_client())
        caller = nobody.signed_in()
        self.people = {"caller": caller, "member": nobody.signed_in(), "administrator": administrator(app, nobody)}
        self.ids = {
            "caller": UUID(caller.user["id"]),
            "member": UUID(self.people["member"].user["id"]),
            "organization": UUID(caller.organization()["id"]),
        }
        bulk_rows.fill(url, size, **self.ids)

    def first(self, case: Case) -> list[Plan]:
        """What the first page of a listing takes."""
        return self._plans(case, {})

    def last(self, case: Case) -> list[Plan]:
        """What the last page takes; of two hundred thousand rows it is the ten-thousandth."""
        path, filters = self._request(case)
        with self.app.test_request_context(f"/api/v1{path}", query_string=filters), read() as connection:
            g.principal = SimpleNamespace(user_id=UUID(self.people[case.by].user["id"]))
            oldest = text(f"SELECT id FROM {case.rows} ORDER BY id OFFSET {LIMIT} LIMIT 1")
            after = connection.scalar(oldest.columns(id=Uuid), self.ids)
            cursor = page_response(Page([], after))[0]["next_cursor"]
        return self._plans(case, {"cursor": cursor})

    def _plans(self, case: Case, cursor: dict[str, str]) -> list[Plan]:
        path, filters = self._request(case)
        with self.app.app_context():
            engine = db.engine
        with explained(engine) as plans:
            for _ in range(EXECUTIONS):
                plans.clear()
                page = created(self.people[case.by].get(path, query_string={**filters, **cursor}))
        assert (len(page["items"]), page["next_cursor"] is None) == (LIMIT, bool(cursor))
        return plans

    def _request(self, case: Case) -> tuple[str, dict[str, str]]:
        ids = {name: str(value) for name, value in self.ids.items()}
        return case.path.format(**ids), {name: value.format(**ids) for name, value in case.filters.items()}


@contextmanager
def world_of(size: int, server: Postgres, template: str, folder: Path) -> Iterator[World]:
    url = server.create_database(template)
    with application(Settings(app_env="development", data_dir=folder, database_url=url)) as app:
        yield World(app, url, size)
    server.drop(url)


@pytest.fixture(scope="module")
def worlds(
    postgres_server: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, World]]:
    folder = tmp_path_factory.mktemp("listings")
    with (
        world_of(SMALL, postgres_server, postgres_template, folder) as small,
        world_of(LARGE, postgres_server, postgres_template, folder) as large,
    ):
        yield small, large


@pytest.mark.parametrize("case", CASES, ids=str)
def test_page_costs_the_same_at_any_depth_and_size(case: Case, worlds: tuple[World, World]) -> None:
    requests = [page(case) for world in worlds for page in (world.first, world.last)]
    assert max(max(plan.rows_read) for plan in chain.from_iterable(requests)) <= LIMIT + 1 + SLACK
    pages = [page_plan(plans) for plans in requests]
    assert [page.shape for page in pages] == [pages[0].shape] * len(pages)
    kinds = {kind for kind, _on in pages[0].shape}
    assert "Seq Scan" not in kinds
    assert "Sort" not in kinds or SORTING & {*case.filters.values()}
    assert max(page.buffers for page in pages) <= 2 * pages[0].buffers


def page_plan(plans: list[Plan]) -> Plan:
    """The plan of the listing itself: no other statement of the request has a limit."""
    [plan] = [plan for plan in plans if plan.shape[0][0] == "Limit"]
    return plan


def test_every_listing_and_every_filter_has_a_case(worlds: tuple[World, World]) -> None:
    covered = {(case.operation, name) for case in CASES for name in ("cursor", *case.filters)}
    listings = [one for one in operations_of(worlds[0].app) if one.method == "GET" and "cursor" in one.query]
    uncovered = [
        f"{listing} by {name}: give it a Case here, and its rows in tests/kit/fixtures/bulk_rows.py"
        for listing in listings
        for name in listing.query
        if name != "limit" and (listing.name, name) not in covered
    ]
    assert listings
    assert uncovered == []
