"""The cost of a page depends neither on its position in the listing nor on the listing's length.

The test examines the plans that PostgreSQL executed for real requests: the indexes used, the rows read and the
buffers accessed. The tables also contain older and newer rows that belong to other owners. Without these rows, an index
that does not start with the listing's filter would appear to work, and PostgreSQL could reasonably prefer a sequential
scan.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.conformance.contract import Listing, contracts
from tests.conformance.operation import operations_of
from tests.kit.clients.api import Api, success
from tests.kit.fixtures import bulk_rows
from tests.kit.fixtures.administrators import create_administrator
from tests.kit.fixtures.apps import application
from tests.kit.fixtures.query_plans import Plan, record_plans
from tests.kit.servers.services import Postgres

SMALL = 1_000
LARGE = [20_000, pytest.param(200_000, marks=pytest.mark.full)]
LIMIT = 20
# psycopg is configured to prepare statements on first use. PostgreSQL makes a custom plan for each of the first five
# executions and may then switch to a generic plan.
EXECUTIONS = 7
HINT = "add an index whose columns are the filters followed by id (see docs/database.md)"

LISTINGS = [listing for contract in contracts().values() for listing in contract.listings]


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
        self.operations = {operation.name: operation for operation in operations_of(app)}
        statements = [statement for contract in contracts().values() for statement in contract.bulk_rows]
        bulk_rows.fill(url, statements, size, **self.ids)

    def first_page_plans(self, listing: Listing) -> list[Plan]:
        """Return the plans of the statements executed for the first page."""
        return self._plans(listing, {})

    def last_page_plans(self, listing: Listing) -> list[Plan]:
        """Return the plans of the statements executed for the last page (page 10,000 of 200,000 rows)."""
        if listing.has_one_row:
            return self.first_page_plans(listing)
        path, filters = self._request(listing)
        with self.app.test_request_context(f"/api/v1{path}", query_string=filters), read() as connection:
            g.principal = SimpleNamespace(user_id=UUID(self.users[listing.user].user["id"]))
            oldest = text(f"SELECT id FROM {listing.rows} ORDER BY id OFFSET {LIMIT} LIMIT 1")
            after = connection.scalar(oldest.columns(id=Uuid), self.ids)
            cursor = page_response(Page([], after))[0]["next_cursor"]
        return self._plans(listing, {"cursor": cursor})

    def _plans(self, listing: Listing, cursor: dict[str, str]) -> list[Plan]:
        path, filters = self._request(listing)
        with self.app.app_context():
            engine = db.engine
        with record_plans(engine) as plans:
            for _ in range(EXECUTIONS):
                plans.clear()
                page = success(self.users[listing.user].get(path, query_string={**filters, **cursor}))
        is_last = bool(cursor) or listing.has_one_row
        assert (len(page["items"]), page["next_cursor"] is None) == (1 if listing.has_one_row else LIMIT, is_last)
        return plans

    def _request(self, listing: Listing) -> tuple[str, dict[str, str]]:
        ids = {name: str(value) for name, value in self.ids.items()}
        path = self.operations[listing.operation].path.format(organization_id=ids["organization"])
        return path.removeprefix("/api/v1"), {name: value.format(**ids) for name, value in listing.filters.items()}


@contextmanager
def world_of(size: int, server: Postgres, template: str, folder: Path) -> Iterator[World]:
    url = server.create_database(template)
    with application(Settings(app_env="development", data_dir=folder, database_url=url)) as app:
        yield World(app, url, size)
    server.drop(url)


@pytest.fixture(scope="module", params=LARGE)
def worlds(
    request: pytest.FixtureRequest,
    postgres_server: Postgres,
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[World, World]]:
    folder = tmp_path_factory.mktemp("listings")
    with (
        world_of(SMALL, postgres_server, postgres_template, folder) as small,
        world_of(request.param, postgres_server, postgres_template, folder) as large,
    ):
        yield small, large


@pytest.mark.parametrize("listing", LISTINGS, ids=str)
def test_page_cost_does_not_depend_on_page_position_or_listing_length(
    listing: Listing, worlds: tuple[World, World]
) -> None:
    # A page query reads its items and one extra row, which shows whether there is a next page.
    requests = [plans_of(listing) for world in worlds for plans_of in (world.first_page_plans, world.last_page_plans)]
    costly = max(chain.from_iterable(requests), key=lambda plan: max(plan.rows_read))
    assert max(costly.rows_read) <= LIMIT + 1 + listing.extra_rows, f"too many rows read: {HINT}\n{costly}"
    pages = [page_plan(plans) for plans in requests]
    assert [page.shape for page in pages] == [pages[0].shape] * len(pages), f"the plans differ: {HINT}"
    kinds = {kind for kind, _on in pages[0].shape}
    assert "Seq Scan" not in kinds, f"a table is scanned: {HINT}\n{pages[0]}"
    assert "Sort" not in kinds or listing.may_sort, f"the rows are sorted: {HINT}\n{pages[0]}"
    assert max(page.buffers for page in pages) <= 2 * pages[0].buffers, (
        f"too many buffers accessed: {HINT}\n{pages[-1]}"
    )


def page_plan(plans: list[Plan]) -> Plan:
    """Return the plan of the listing's query, the only statement in the request with a `LIMIT`."""
    [plan] = [plan for plan in plans if plan.shape[0][0] == "Limit"]
    return plan


def test_every_listing_and_filter_is_declared_in_a_contract(shared_app: Flask) -> None:
    declared = {(listing.operation, name) for listing in LISTINGS for name in ("cursor", *listing.filters)}
    missing = [
        f"{operation} filtered by {name}: add a Listing and bulk_rows to Contract(...) in {operation.contract_file}"
        for operation in operations_of(shared_app)
        for name in operation.query
        if operation.is_listing and name != "limit" and (operation.name, name) not in declared
    ]
    assert LISTINGS
    assert missing == []
