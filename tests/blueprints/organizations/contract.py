"""The contract of the organizations blueprint."""

from tests.conformance.contract import LOGGED_IN, MEMBERS, Contract, Listing

_ORGANIZATIONS = """
INSERT INTO organizations (id, name, slug, created_at, updated_at)
SELECT row_id('organizations', n), 'Organization', 'organization-' || n, now(), now()
FROM generate_series(1, {size} + {others}) AS n
"""
# The caller's memberships, the organization's members, newer members of another organization, and `member`.
_MEMBERSHIPS = """
INSERT INTO memberships (id, user_id, organization_id, role, created_at, updated_at)
SELECT row_id('own', n), {caller}, row_id('organizations', n), 'member', now(), now()
FROM generate_series(1, {size}) AS n
UNION ALL
SELECT row_id('members', n), row_id('users', 1 + n * 7919 % {size}), {organization}, 'member', now(), now()
FROM generate_series(1, {size}) AS n
UNION ALL
SELECT row_id('others', {size} + n), row_id('users', n), row_id('organizations', {size} + 1), 'member', now(), now()
FROM generate_series(1, {others}) AS n
UNION ALL
SELECT row_id('newest', 0), {member}, {organization}, 'member', now(), now()
"""

contract = Contract(
    access={
        "GET /api/v1/organizations": LOGGED_IN,
        "POST /api/v1/organizations": LOGGED_IN,
        "GET /api/v1/organizations/{organization_id}": MEMBERS,
        "GET /api/v1/organizations/{organization_id}/members": MEMBERS,
    },
    listings=[
        Listing(
            "list_organizations",
            "(SELECT organization_id AS id, user_id FROM memberships) AS own WHERE user_id = :caller",
        ),
        Listing("list_members", "memberships WHERE organization_id = :organization"),
    ],
    bulk_rows=[_ORGANIZATIONS, _MEMBERSHIPS],
    unaudited={},
)
