"""The checks, one module per subject. Importing this package registers all of them."""

from tests.conformance.check import CHECKS
from tests.conformance.checks import (
    access,
    bodies,
    document,
    effects,
    etags,
    idempotency_keys,
    listings,
    queries,
    responses,
)

__all__ = [
    "CHECKS",
    "access",
    "bodies",
    "document",
    "effects",
    "etags",
    "idempotency_keys",
    "listings",
    "queries",
    "responses",
]
