"""The checks, by subject; importing this package registers them."""

from tests.conformance.check import CHECKS
from tests.conformance.checks import access, answers, bodies, conditions, document, effects, keys, listings, queries

__all__ = ["CHECKS", "access", "answers", "bodies", "conditions", "document", "effects", "keys", "listings", "queries"]
