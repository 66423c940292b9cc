"""The rows that the requests read: one owner with many files and organizations, and one with few."""

from itertools import count
from typing import LiteralString

import psycopg

from benchmarks.servers import Server, Servers

PASSWORD = "seven unlikely herons"
OWNER, SMALL_OWNER = "owner@example.com", "small@example.com"
FILES, SMALL_FILES, ORGANIZATIONS = 200_000, 1_000, 1_000
DEEP = 100_000
_PAGE = 100

_IDS: LiteralString = """
CREATE FUNCTION row_id(kind text, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT
    (lpad(to_hex(1767225600000 + number), 12, '0') || '70008000' || left(md5(kind || number), 12))::uuid $$
"""
_FILES: LiteralString = """
INSERT INTO files (id, owner_id, storage_key, status, filename, content_type, size, sha256, thumbnails, created_at,
    updated_at, version)
SELECT row_id(%(owner)s, n), users.id, %(owner)s || n, 'stored', 'report-' || n || '.pdf', 'application/pdf', 48213,
    repeat('9f86d081', 8), 'unsupported', now(), now(), 1
FROM users, generate_series(1, %(size)s) n WHERE email = %(owner)s
"""
_ORGANIZATIONS: LiteralString = """
INSERT INTO organizations (id, name, slug, created_at, updated_at, version)
SELECT row_id('organization', n), 'Organization ' || n, 'organization-' || n, now(), now(), 1
FROM generate_series(1, %(size)s) n
"""
_MEMBERSHIPS: LiteralString = """
INSERT INTO memberships (id, organization_id, user_id, role, created_at, updated_at)
SELECT row_id('membership', n), row_id('organization', n), users.id, 'owner', now(), now()
FROM users, generate_series(1, %(size)s) n WHERE email = %(owner)s
"""


def fill(servers: Servers) -> None:
    """Create the accounts and their rows, log both servers in, and let them find the cursor of a deep page."""
    for email in (OWNER, SMALL_OWNER):
        servers.ours.post("/auth/register", {"email": email, "password": PASSWORD}, expected=201)
    with psycopg.connect(servers.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(_IDS)
        for owner, size in ((OWNER, FILES), (SMALL_OWNER, SMALL_FILES)):
            connection.execute(_FILES, {"owner": owner, "size": size})
        connection.execute(_ORGANIZATIONS, {"size": ORGANIZATIONS})
        connection.execute(_MEMBERSHIPS, {"owner": OWNER, "size": ORGANIZATIONS})
        connection.execute("VACUUM ANALYZE")
    for server in (servers.floor, servers.ours):
        server.token = log_in(servers.ours, OWNER)
        server.state |= {"cursor": _deep_cursor(server), "numbers": count(1)}


def log_in(server: Server, email: str) -> str:
    """Return an access token of the account."""
    tokens = server.post("/auth/login", {"email": email, "password": PASSWORD}).json
    return str(tokens["access_token"])


def _deep_cursor(server: Server) -> str:
    cursor = ""
    for _ in range(DEEP // _PAGE):
        cursor = server.request("GET", f"/files?limit={_PAGE}{cursor and '&cursor=' + cursor}").json["next_cursor"]
    return cursor
