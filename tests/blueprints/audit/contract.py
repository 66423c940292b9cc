"""The contract of the audit blueprint."""

from collections.abc import Iterator
from itertools import combinations

from tests.conformance.contract import ADMINISTRATORS, ADMINS, Contract, Listing

# Half of the entries are logins, half are those of the caller, and half belong to the organization, independently.
_ENTRIES = """
INSERT INTO audit_entries (id, at, actor_id, action, target_type, target_id, organization_id, ip_address, request_id,
                           outcome)
SELECT row_id('audit entries', n), now(), CASE WHEN n % 2 = 0 THEN {caller} ELSE {member} END,
    CASE WHEN n / 2 % 2 = 0 THEN 'auth.log_in' ELSE 'auth.log_out' END, 'user', {caller},
    CASE WHEN n / 4 % 2 = 0 THEN {organization} END, '', '', 'success'
FROM generate_series(1, {size}) AS n
UNION ALL
SELECT row_id('audit entries', {size} + n), now(), row_id('users', 1), 'auth.end_session', 'user', {caller},
    row_id('organizations', n), '', '', 'success'
FROM generate_series(1, {others}) AS n
"""
_FILTERS = {"action": "auth.log_in", "actor_id": "{caller}", "organization_id": "{organization}"}
_CONDITIONS = {
    "action": "action = 'auth.log_in'",
    "actor_id": "actor_id = :caller",
    "organization_id": "organization_id = :organization",
}


def _listings() -> Iterator[Listing]:
    for number in range(len(_FILTERS) + 1):
        for names in combinations(_FILTERS, number):
            filters = {name: _FILTERS[name] for name in names}
            rows = "audit_entries WHERE " + " AND ".join(["true", *(_CONDITIONS[name] for name in names)])
            # Only one filter uses an index. Half of the entries that it selects match the next filter.
            skipped = 0 if number < 2 else 80
            yield Listing("list_audit_entries", rows, filters, "administrator", extra_rows=skipped)
            if "organization_id" in filters:
                others = {name: value for name, value in filters.items() if name != "organization_id"}
                yield Listing("list_organization_audit_entries", rows, others, extra_rows=skipped)


contract = Contract(
    access={
        "GET /api/v1/audit": ADMINISTRATORS,
        "GET /api/v1/organizations/{organization_id}/audit": ADMINS,
    },
    listings=[*_listings()],
    bulk_rows=[_ENTRIES],
)
