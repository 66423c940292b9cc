"""Readiness of the process and its dependencies."""

from collections.abc import Callable

from project.infrastructure import jobs
from project.infrastructure.database import ensure_reachable
from project.infrastructure.database.migrations import ensure_migrated
from project.infrastructure.logging import logger
from project.infrastructure.storage import current_storage


def readiness() -> dict[str, str]:
    """Return `ok` or `failing` for each dependency.

    A failing broker does not prevent requests: jobs wait in their table.
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
    except Exception as error:  # the clients of dependencies raise many types of error
        logger.warning("health.failing", part=part, error=repr(error))
        return "failing"
    return "ok"
