"""All checks, one module per topic. Importing this package registers them."""

from tests.conformance.check import CHECKS
from tests.conformance.checks import (
    access,
    audit,
    bodies,
    document,
    effects,
    etags,
    idempotency_keys,
    limits,
    listings,
    queries,
    responses,
)

__all__ = [
    "CHECKS",
    "access",
    "audit",
    "bodies",
    "document",
    "effects",
    "etags",
    "idempotency_keys",
    "limits",
    "listings",
    "queries",
    "responses",
]
