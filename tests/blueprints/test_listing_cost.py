"""The cost of a page depends neither on its position in the listing nor on the listing's length.

The test examines the plans that PostgreSQL executed for real requests: the indexes used, the rows read and the
buffers accessed. The tables also contain older and newer rows that belong to other owners. Without these rows, an index
that does not start with the listing's filter would appear to work, and PostgreSQL could reasonably prefer a sequential
scan.
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
from tests.kit.clients.api import Api, success
from tests.kit.fixtures import bulk_rows
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.query_plans import Plan, record_plans
from tests.kit.servers.services import Postgres

SMALL, LARGE = 1_000, 200_000
LIMIT = 20
# A page query reads its items and one extra row, which shows whether there is a next page. It may also read the
# invitations that have expired since the expiry job last ran.
MAX_EXTRA_ROWS = bulk_rows.EXPIRED_COUNT
# Queries with these filters merge two index ranges and may sort the result. The second range has at most
# MAX_EXTRA_ROWS rows.
SORTED_FILTERS = {"expired"}
# psycopg is configured to prepare statements on first use. PostgreSQL makes a custom plan for each of the first five
# executions and may then switch to a generic plan.
EXECUTIONS = 7


@dataclass(frozen=True)
class Case:
    """A listing with filters, requested by `user`. `rows` is the SQL after `FROM` that selects the listed rows."""

    operation: str
    path: str
    rows: str
    filters: dict[str, str] = field(default_factory=dict)
    user: str = "caller"

    def __str__(self) -> str:
        return "-".join([self.operation, *(["own"] if self.user == "member" else []), *self.filters.values()])


ORGANIZATION = {"organization_id": "{organization}"}
IMAGES = {"content_type": "image/png"}
_IN_ORGANIZATION = "organization_id = :organization"
_PERSONAL = "files WHERE owner_id = :caller AND organization_id IS NULL"
_SHARED = f"files WHERE {_IN_ORGANIZATION}"
_INVITED = f"invitations WHERE {_IN_ORGANIZATION}"
_MEMBERSHIPS = "(SELECT organization_id AS id, user_id FROM memberships) AS own WHERE user_id = :caller"
_PAST_EXPIRY = "expires_at < now()"


def _file_cases(rows: str, user: str = "caller", **filters: str) -> Iterator[Case]:
    for status in ("trashed",) if user == "member" else ("stored", "trashed"):
        for images in ({}, IMAGES):
            condition = f"{rows} AND status = '{status}'" + (" AND content_type = 'image/png'" if images else "")
            yield Case("list_files", "/files", condition, {"status": status, **images, **filters}, user)


def _invitation_cases() -> Iterator[Case]:
    path = "/organizations/{organization}/invitations"
    yield Case("list_invitations", path, f"{_INVITED} AND true")
    for status, condition in {
        "pending": f"status = 'pending' AND NOT {_PAST_EXPIRY}",
        "accepted": "status = 'accepted'",
        "expired": f"(status = 'expired' OR status = 'pending' AND {_PAST_EXPIRY})",
    }.items():
        yield Case("list_invitations", path, f"{_INVITED} AND {condition}", {"status": status})


def _job_cases() -> Iterator[Case]:
    for status in STATUSES:
        for name in ({}, {"name": bulk_rows.JOB_NAME}):
            condition = f"status = '{status}'" + (f" AND name = '{bulk_rows.JOB_NAME}'" if name else "")
            yield Case(
                "list_jobs", "/jobs", f"jobs WHERE {condition}", {"status": status, **name}, user="administrator"
            )


CASES = [
    Case("list_organizations", "/organizations", _MEMBERSHIPS),
    Case("list_members", "/organizations/{organization}/members", f"memberships WHERE {_IN_ORGANIZATION}"),
    *_invitation_cases(),
    *_file_cases(_PERSONAL),
    *_file_cases(_SHARED, **ORGANIZATION),
    *_file_cases(f"{_SHARED} AND owner_id = :member", user="member", **ORGANIZATION),
    *_job_cases(),
]


class World:
    """An application whose listings have `size` rows, with an organization owner, a member and an administrator."""

    def __init__(self, app: Flask, url: str, size: int) -> None:
        self.app = app
        anonymous = Api(app.test_client())
        caller = anonymous.as_new_user()
        self.users = {
            "caller": caller,
            "member": anonymous.as_new_user(),
            "administrator": create_administrator(app, anonymous),
        }
        self.ids = {
            "caller": UUID(caller.user["id"]),
            "member": UUID(self.users["member"].user["id"]),
            "organization": UUID(caller.organization()["id"]),
        }
        bulk_rows.fill(url, size, **self.ids)

    def first_page_plans(self, case: Case) -> list[Plan]:
        """Return the plans of the statements executed for the first page."""
        return self._plans(case, {})

    def last_page_plans(self, case: Case) -> list[Plan]:
        """Return the plans of the statements executed for the last page (page 10,000 if there are 200,000 rows)."""
        path, filters = self._request(case)
        with self.app.test_request_context(f"/api/v1{path}", query_string=filters), read() as connection:
            g.principal = SimpleNamespace(user_id=UUID(self.users[case.user].user["id"]))
            oldest = text(f"SELECT id FROM {case.rows} ORDER BY id OFFSET {LIMIT} LIMIT 1")
            after = connection.scalar(oldest.columns(id=Uuid), self.ids)
            cursor = page_response(Page([], after))[0]["next_cursor"]
        return self._plans(case, {"cursor": cursor})

    def _plans(self, case: Case, cursor: dict[str, str]) -> list[Plan]:
        path, filters = self._request(case)
        with self.app.app_context():
            engine = db.engine
        with record_plans(engine) as plans:
            for _ in range(EXECUTIONS):
                plans.clear()
                page = success(self.users[case.user].get(path, query_string={**filters, **cursor}))
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
def test_page_cost_does_not_depend_on_page_position_or_listing_length(case: Case, worlds: tuple[World, World]) -> None:
    requests = [plans_of(case) for world in worlds for plans_of in (world.first_page_plans, world.last_page_plans)]
    assert max(max(plan.rows_read) for plan in chain.from_iterable(requests)) <= LIMIT + 1 + MAX_EXTRA_ROWS
    pages = [page_plan(plans) for plans in requests]
    assert [page.shape for page in pages] == [pages[0].shape] * len(pages)
    kinds = {kind for kind, _on in pages[0].shape}
    assert "Seq Scan" not in kinds
    assert "Sort" not in kinds or SORTED_FILTERS & {*case.filters.values()}
    assert max(page.buffers for page in pages) <= 2 * pages[0].buffers


def page_plan(plans: list[Plan]) -> Plan:
    """Return the plan of the listing's query, the only statement in the request with a `LIMIT`."""
    [plan] = [plan for plan in plans if plan.shape[0][0] == "Limit"]
    return plan


def test_every_listing_and_filter_is_covered_by_a_case(worlds: tuple[World, World]) -> None:
    covered = {(case.operation, name) for case in CASES for name in ("cursor", *case.filters)}
    operations = operations_of(worlds[0].app)
    listings = [operation for operation in operations if operation.method == "GET" and "cursor" in operation.query]
    uncovered = [
        f"{listing} filtered by {name}: add a Case here, and rows in tests/kit/fixtures/bulk_rows.py"
        for listing in listings
        for name in listing.query
        if name != "limit" and (listing.name, name) not in covered
    ]
    assert listings
    assert uncovered == []
