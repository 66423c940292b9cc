"""The contract of the system blueprint."""

from tests.conformance.contract import EVERYONE, Contract

contract = Contract(
    access={
        "GET /.well-known/jwks.json": EVERYONE,
        "GET /api/v1/openapi.json": EVERYONE,
        "GET /health/live": EVERYONE,
        "GET /health/ready": EVERYONE,
    },
)
