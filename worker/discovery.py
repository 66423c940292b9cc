"""Finds the background jobs of the application's blueprints: their tasks and their intervals."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from flask import Flask


def import_tasks(app: Flask) -> None:
    """Import `worker/tasks/<blueprint>.py` for each blueprint that has jobs, which registers its tasks."""
    for module in job_modules(app):
        import_module(f"worker.tasks.{module.__name__.split('.')[-2]}")


def periodic_jobs(app: Flask) -> dict[str, timedelta]:
    """Return the intervals of all periodic jobs by name, from `PERIODIC` in the `jobs` module of each blueprint.

    Raises RuntimeError if an interval is shorter than one second, or so long that its job could be purged, and
    therefore enqueued again, before the interval ends.
    """
    settings = app.extensions["settings"]
    retention = timedelta(seconds=min(settings.done_job_retention_seconds, settings.dead_job_retention_seconds))
    periodic = {
        name: interval for module in job_modules(app) for name, interval in getattr(module, "PERIODIC", {}).items()
    }
    for name, interval in periodic.items():
        if not timedelta(seconds=1) <= interval <= retention:
            raise RuntimeError(
                f"the interval of {name} must be at least one second, and must not exceed "
                "DONE_JOB_RETENTION_SECONDS or DEAD_JOB_RETENTION_SECONDS"
            )
    return periodic


def job_modules(app: Flask) -> Iterator[ModuleType]:
    """Yield the `jobs` module of each blueprint that has one."""
    for blueprint in app.blueprints.values():
        name = f"{blueprint.import_name.rpartition('.')[0]}.jobs"
        if find_spec(name):
            yield import_module(name)
