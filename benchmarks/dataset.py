"""The rows that the requests read: one owner with many files and organizations, and one with few files."""

from itertools import count
from uuid import UUID

from benchmarks.servers import Server, Servers
from tests.kit.clients.api import PASSWORD
from tests.kit.fixtures import bulk_rows

OWNER, SMALL_OWNER = "owner@example.com", "small@example.com"
_FILES = 200_000
_DEEP = 100_000
_PAGE = 100

_ADD_FILES = """
    INSERT INTO files (id, owner_id, storage_key, status, filename, content_type, size, sha256, thumbnails, created_at,
        updated_at, version)
    SELECT row_id({kind}, n), {owner}, {kind} || n, 'stored', 'report-' || n || '.pdf', 'application/pdf', 48213,
        repeat('9f86d081', 8), 'unsupported', now(), now(), 1
    FROM generate_series(1, {number}) n
"""
_STATEMENTS = [
    _ADD_FILES.format(kind="'many'", owner="{owner}", number="{size}"),
    _ADD_FILES.format(kind="'few'", owner="{small_owner}", number="1000"),
    """
    INSERT INTO organizations (id, name, slug, created_at, updated_at, version)
    SELECT row_id('organizations', n), 'Organization ' || n, 'organization-' || n, now(), now(), 1
    FROM generate_series(1, 1000) n
    """,
    """
    INSERT INTO memberships (id, organization_id, user_id, role, created_at, updated_at)
    SELECT row_id('memberships', n), row_id('organizations', n), {owner}, 'owner', now(), now()
    FROM generate_series(1, 1000) n
    """,
]


def fill(servers: Servers) -> None:
    """Create the accounts and their rows, log both servers in, and let them find the cursor of a deep page."""
    owner, small_owner = _register(servers, OWNER), _register(servers, SMALL_OWNER)
    bulk_rows.fill(servers.environment["DATABASE_URL"], _STATEMENTS, _FILES, owner=owner, small_owner=small_owner)
    for server in (servers.floor, servers.ours):
        server.token = log_in(servers.ours, OWNER)
        server.state |= {"cursor": _deep_cursor(server), "numbers": count(1)}


def log_in(server: Server, email: str) -> str:
    """Return an access token of the account."""
    tokens = server.post("/auth/login", {"email": email, "password": PASSWORD}).json
    return str(tokens["access_token"])


def _register(servers: Servers, email: str) -> UUID:
    return UUID(servers.ours.post("/auth/register", {"email": email, "password": PASSWORD}, expected=201).json["id"])


def _deep_cursor(server: Server) -> str:
    cursor = ""
    for _ in range(_DEEP // _PAGE):
        cursor = server.request("GET", f"/files?limit={_PAGE}{cursor and '&cursor=' + cursor}").json["next_cursor"]
    return cursor
