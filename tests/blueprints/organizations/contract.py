"""The contract of the organizations blueprint."""

from tests.conformance.contract import LOGGED_IN, MEMBERS, Contract

contract = Contract(
    access={
        "GET /api/v1/organizations": LOGGED_IN,
        "POST /api/v1/organizations": LOGGED_IN,
        "GET /api/v1/organizations/{organization_id}": MEMBERS,
        "GET /api/v1/organizations/{organization_id}/members": MEMBERS,
    },
)
