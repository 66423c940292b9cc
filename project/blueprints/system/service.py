"""Readiness checks for the process and its dependencies."""

from collections.abc import Callable

from project.infrastructure import jobs
from project.infrastructure.database import ensure_reachable
from project.infrastructure.database.migrations import ensure_migrated
from project.infrastructure.logging import logger
from project.infrastructure.storage import current_storage


def readiness() -> dict[str, str]:
    """Return `ok` or `failing` for each dependency.

    Requests can be served while the broker is failing: jobs wait in the jobs table.
    """
    return {
        "database": _state("database", ensure_reachable),
        "migrations": _state("migrations", ensure_migrated),
        "storage": _state("storage", lambda: current_storage().check()),
        "broker": _state("broker", jobs.check_broker),
    }


def _state(part: str, check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:  # client libraries raise many types of exceptions
        logger.warning("health.failing", part=part, error=repr(error))
        return "failing"
    return "ok"
