"""The contract of the invitations blueprint."""

from dataclasses import replace
from uuid import uuid4

from tests.conformance.contract import ADMINS, EVERYONE, LOGGED_IN, Contract, Listing
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import PASSWORD


def look_up(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous, body={"token": world.invitation_token(f"{uuid4()}@example.com")})


def accept(world: World, _operation: Operation) -> Case:
    guest = world.anonymous.as_new_user()
    return Case(guest, body={"token": world.invitation_token(guest.user["email"])})


def register_invited(world: World, operation: Operation) -> Case:
    case = look_up(world, operation)
    return replace(case, body={**(case.body or {}), "password": PASSWORD, "display_name": "Guest"})


_INVITATIONS_OF = "invitations WHERE organization_id = :organization"
_EXPIRED = "(status = 'expired' OR status = 'pending' AND expires_at < now())"
# The newer half of the invitations are accepted. Half of the older ones are pending, and five of these have expired.
_INVITATIONS = """
INSERT INTO invitations (id, organization_id, email, email_key, role, status, issued_at, expires_at, invited_by_id,
                         delivery, created_at, updated_at)
SELECT row_id('invitations', n), organization_id, n || '@example.net', n || '@example.net', 'member',
    CASE WHEN n > {size} / 2 THEN 'accepted' WHEN n % 2 = 0 THEN 'pending' ELSE 'expired' END,
    now(), now() + CASE WHEN n % ({size} / 2 / 5) = 0 THEN interval '-1 second' ELSE interval '1 day' END,
    {caller}, 'sent', now(), now()
FROM (SELECT n, {organization} AS organization_id FROM generate_series(1, {size}) AS n
      UNION ALL SELECT {size} + n, row_id('organizations', 1) FROM generate_series(1, {others}) AS n) AS numbers
"""
# The query may read the pending invitations that have expired. To list expired invitations, it merges two index ranges,
# of which the second contains only these invitations, and may sort the result.
_PAST_EXPIRY = 5

contract = Contract(
    access={
        "GET /api/v1/organizations/{organization_id}/invitations": ADMINS,
        "POST /api/v1/organizations/{organization_id}/invitations": ADMINS,
        "GET /api/v1/organizations/{organization_id}/invitations/{invitation_id}": ADMINS,
        "POST /api/v1/invitations/accept": LOGGED_IN,
        "POST /api/v1/invitations/lookup": EVERYONE,
        "POST /api/v1/invitations/register": EVERYONE,
    },
    recipes={"look_up_invitation": look_up, "accept_invitation": accept, "register_invited": register_invited},
    listings=[
        Listing("list_invitations", f"{_INVITATIONS_OF} AND true", extra_rows=_PAST_EXPIRY),
        Listing(
            "list_invitations",
            f"{_INVITATIONS_OF} AND status = 'pending' AND NOT expires_at < now()",
            {"status": "pending"},
            extra_rows=_PAST_EXPIRY,
        ),
        Listing("list_invitations", f"{_INVITATIONS_OF} AND status = 'accepted'", {"status": "accepted"}),
        Listing(
            "list_invitations",
            f"{_INVITATIONS_OF} AND {_EXPIRED}",
            {"status": "expired"},
            extra_rows=_PAST_EXPIRY,
            may_sort=True,
        ),
    ],
    bulk_rows=[_INVITATIONS],
    unaudited={"look_up_invitation": "changes nothing"},
)
