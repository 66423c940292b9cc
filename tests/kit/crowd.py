"""Many rows at once: listings of a given length, among the newer rows of others, made by SQL in seconds."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

# Invitations that are over, and whose rows do not say so yet.
LAPSED = 5
# The name of every other job.
JOB = "tests.a_job"

# Every row of a kind has an id that is younger the greater its number is, as UUIDv7 have.
_IDS = """
CREATE FUNCTION made(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT
    (lpad(to_hex(1767225600000 + number), 12, '0') || '70008000' || lpad(to_hex(kind), 12, '0'))::uuid $$
"""
_USERS = """
INSERT INTO users (id, email, email_key, email_verified, display_name, password_hash, role, status,
                   created_at, updated_at)
SELECT made(1, n), n || '@example.org', n || '@example.org', true, 'User', 'none', 'user', 'active', now(), now()
FROM generate_series(1, {size}) AS n
"""
_ORGANIZATIONS = """
INSERT INTO organizations (id, name, slug, created_at, updated_at)
SELECT made(2, n), 'Organization', 'organization-' || n, now(), now()
FROM generate_series(1, {size} + {others}) AS n
"""
# The caller's, those of one organization, and newer ones of another.
_MEMBERSHIPS = """
INSERT INTO memberships (id, user_id, organization_id, role, created_at, updated_at)
SELECT made(3, n), {caller}, made(2, n), 'member', now(), now() FROM generate_series(1, {size}) AS n
UNION ALL
SELECT made(4, n), made(1, 1 + n * 7919 % {size}), {organization}, 'member', now(), now()
FROM generate_series(1, {size}) AS n
UNION ALL
SELECT made(5, {size} + n), made(1, n), made(2, {size} + 1), 'member', now(), now()
FROM generate_series(1, {others}) AS n
UNION ALL
SELECT made(8, 0), {member}, {organization}, 'member', now(), now()
"""
# The newer half was accepted. Of the rest every other one is pending; LAPSED of these are over.
_INVITATIONS = """
INSERT INTO invitations (id, organization_id, email, email_key, role, status, issued_at, expires_at, invited_by_id,
                         delivery, created_at, updated_at)
SELECT made(6, n), organization_id, n || '@example.net', n || '@example.net', 'member',
    CASE WHEN n > {size} / 2 THEN 'accepted' WHEN n % 2 = 0 THEN 'pending' ELSE 'expired' END,
    now(), now() + CASE WHEN n % ({size} / 2 / {lapsed}) = 0 THEN interval '-1 second' ELSE interval '1 day' END,
    {caller}, 'sent', now(), now()
FROM (SELECT n, {organization} AS organization_id FROM generate_series(1, {size}) AS n
      UNION ALL SELECT {size} + n, made(2, 1) FROM generate_series(1, {others}) AS n) AS numbers
"""
# A fifth is in the trash, the oldest quarter are pictures, and what is in the organization is newer.
_FILES = """
INSERT INTO files (id, owner_id, organization_id, storage_key, status, filename, content_type, size, sha256,
                   thumbnails, created_at, updated_at)
SELECT made(7, n), owner_id, organization_id, n::text, CASE WHEN n % 5 = 0 THEN 'trashed' ELSE 'stored' END, 'name',
    CASE WHEN part <= {size} * 5 / 16 THEN 'image/png' ELSE 'text/plain' END, 1, repeat('0', 64), 'unsupported',
    now(), now()
FROM (SELECT n, n AS part, {caller} AS owner_id, NULL AS organization_id
      FROM generate_series(1, {size} * 5 / 4) AS n
      UNION ALL
      SELECT {size} * 2 + n, n, CASE WHEN n > {size} / 2 THEN {caller} ELSE {member} END, {organization}
      FROM generate_series(1, {size} * 5 / 4) AS n
      UNION ALL
      SELECT {size} * 4 + n, n, made(1, 1), NULL FROM generate_series(1, {others}) AS n) AS numbers
"""
# Most are done, a quarter is dead, and of what is queued or running there is less.
_JOBS = """
INSERT INTO jobs (id, name, arguments, status, attempts, due_at, publish_at, created_at, updated_at)
SELECT made(9, n), CASE WHEN n % 2 = 0 THEN {job} ELSE 'tests.another_job' END, '{{}}',
    (ARRAY['dead', 'done', 'done', 'done', 'queued', 'done', 'done', 'dead', 'running', 'done'])[1 + n / 2 % 10],
    0, now(), now(), now(), now()
FROM generate_series(1, {size}) AS n
"""


def fill(url: str, size: int, *, caller: UUID, member: UUID, organization: UUID) -> None:
    """Make the caller's listings, those of the organization and the member's trash in it `size` long."""
    values: dict[str, Any] = {"size": size, "others": size // 10, "lapsed": LAPSED, "job": JOB}
    values |= {"caller": caller, "member": member, "organization": organization}
    literals = {name: sql.Literal(value) for name, value in values.items()}
    _execute(url, sql.SQL(_IDS))
    longest_first = (_FILES, _MEMBERSHIPS, _INVITATIONS, _JOBS, _ORGANIZATIONS, _USERS)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda statement: _execute(url, sql.SQL(statement).format(**literals)), longest_first))
    _execute(url, sql.SQL("VACUUM ANALYZE"))


def _execute(url: str, statement: sql.Composable) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Every row is known to refer to one that exists: no need to look it up for each.
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)
