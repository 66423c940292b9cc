"""Commands that list, show, retry and purge background jobs."""

import json
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click

from project.blueprints.jobs import service
from project.blueprints.jobs.errors import JobNotDead
from project.cli.group import Group
from project.errors import NotFound
from project.infrastructure import jobs as job_queue
from project.infrastructure.clock import now
from project.infrastructure.database.pagination import PageRequest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)
_NAME_WIDTH, _MAX_ERROR_LENGTH = 30, 100


class Ago(click.ParamType[datetime]):
    """Converts an age, such as `3600` (seconds), `90s`, `15m`, `12h` or `30d`, to the point in time that long ago."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the point in time. Fails if `value` is not a valid age."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a valid age, such as 3600, 12h or 30d", param, ctx)
        try:
            return now() - timedelta(seconds=int(match[1]) * _SECONDS[match[2] or "s"])
        except OverflowError:
            self.fail(f"{value} is too long ago", param, ctx)


jobs = Group("jobs", help="Inspect, retry and purge background jobs.")


@jobs.command("list")
@click.option(
    "--status",
    type=click.Choice(job_queue.STATUSES),
    default="dead",
    show_default=True,
    help="List jobs with this status.",
)
@click.option("--name", help="List only jobs with this name.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Maximum number of jobs to list."
)
def list_jobs(status: job_queue.JobStatus, name: str | None, limit: int) -> None:
    """Print the number of queued, running and dead jobs by name, then list the jobs with one status, newest first."""
    page = job_queue.list_jobs(status, name, PageRequest(limit))
    lines = [*(_counts() or ["No queued, running or dead jobs."]), ""]
    lines += [_line(job) for job in page.items] or [f"No {status} jobs{f' named {name}' if name else ''}."]
    if page.next_after is not None:
        lines.append(f"Only the newest {limit} jobs are shown; there are more (see --limit).")
    click.echo("\n".join(lines))


@jobs.command("show")
@click.argument("job_id", type=click.UUID)
def show(job_id: UUID) -> None:
    """Print every column of a job."""
    job = service.get_job(job_id)
    for field in fields(job):
        click.echo(f"{field.name:19}{_formatted(getattr(job, field.name))}".rstrip())


@jobs.command("retry")
@click.argument("job_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option("--all", "all_", is_flag=True, help="Retry all dead jobs.")
@click.option("--name", help="With --all: retry only dead jobs with this name.")
def retry(job_ids: tuple[UUID, ...], all_: bool, name: str | None) -> None:
    """Requeue dead jobs and reset their attempt counts.

    Pass either job ids or --all. With --all, the jobs are published gradually, so that other jobs are not delayed.
    """
    if bool(job_ids) == all_ or (name is not None and not all_):
        raise click.UsageError("Pass either job ids, or --all and optionally --name.")
    if all_:
        click.echo(f"Dead jobs requeued: {job_queue.retry_dead_jobs(name)}")
        return
    errors = [error for job_id in job_ids if (error := _retry(job_id))]
    if errors:
        raise click.ClickException("\n".join(errors))


@jobs.command("purge")
@click.option(
    "--status", type=click.Choice(job_queue.FINISHED_STATUSES), required=True, help="Purge jobs with this status."
)
@click.option(
    "--older-than",
    "before",
    type=Ago(),
    required=True,
    help="Purge jobs that finished longer ago than this: seconds, or an age such as 12h or 30d.",
)
def purge(status: job_queue.JobStatus, before: datetime) -> None:
    """Delete finished jobs from the database."""
    click.echo(f"Jobs purged: {job_queue.purge_jobs(status, before=before)}")


def _retry(job_id: UUID) -> str | None:
    """Retry a job. Returns the error message if that fails, otherwise `None`."""
    try:
        service.retry_job(job_id)
    except (NotFound, JobNotDead) as error:
        return error.detail
    click.echo(f"Job {job_id} requeued.")
    return None


def _counts() -> list[str]:
    return [_count(depth) for depth in sorted(job_queue.queue_depths(), key=lambda depth: (depth.name, depth.status))]


def _count(depth: job_queue.QueueDepth) -> str:
    counted = f"{depth.name:{_NAME_WIDTH}} {depth.number:7} {depth.status:8}"
    return f"{counted} oldest due {_age(depth.oldest_due_at)} ago" if depth.oldest_due_at else counted.rstrip()


def _line(job: job_queue.JobRow) -> str:
    error = (job.last_error or "")[:_MAX_ERROR_LENGTH]
    members = [job.id, job.finished_at or job.due_at, job.name, job.arguments, f"attempts: {job.attempts}", error]
    return "  ".join(map(_formatted, members)).rstrip()


def _age(at: datetime) -> str:
    seconds = max(0.0, (now() - at).total_seconds())
    unit = max((unit for unit, length in _SECONDS.items() if length <= seconds), key=_SECONDS.__getitem__, default="s")
    return f"{seconds // _SECONDS[unit]:.0f}{unit}"


def _formatted(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)
