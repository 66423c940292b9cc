"""Looking after background jobs: what waits, what is dead and why, trying it again, and clearing away."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click
from flask.cli import AppGroup

from project.blueprints.jobs import service
from project.errors import Error
from project.infrastructure import jobs as job_queue
from project.infrastructure.clock import now
from project.infrastructure.database.pagination import PageRequest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)
_LONGEST_NAME, _SHOWN_OF_ERROR = 30, 100


class Group(AppGroup):
    """Commands whose refusals are a line, and the exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Error as error:
            raise click.ClickException(error.detail) from error


class Ago(click.ParamType[datetime]):
    """A moment so long ago: seconds, or a number with s, m, h or d."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value} is not an age such as 3600, 12h or 30d", param, ctx)
        try:
            return now() - timedelta(seconds=int(match[1]) * _SECONDS[match[2] or "s"])
        except OverflowError:
            self.fail(f"{value} is longer than there have been dates", param, ctx)


jobs = Group("jobs", help="Look after background jobs.")


@jobs.command("list")
@click.option("--status", type=click.Choice(job_queue.STATUSES), default="dead", show_default=True)
@click.option("--name", help="Only jobs with this name.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
def list_jobs(status: str, name: str | None, limit: int) -> None:
    """Print how many jobs of each name wait, run or are dead; then those of a status, newest first."""
    page = job_queue.list_jobs(status, name, PageRequest(limit))
    lines = [*(_counts() or ["No job is to be done, and none is dead."]), ""]
    lines += [_line(job) for job in page.items] or [f"No job is {status}."]
    if page.next_after is not None:
        lines.append(f"These are the newest {limit}: there are more.")
    click.echo("\n".join(lines))


@jobs.command("show")
@click.argument("job_id", type=click.UUID)
def show(job_id: UUID) -> None:
    """Print all that is known of a job."""
    for name, value in {"id": job_id, **service.get_job(job_id)._mapping}.items():
        click.echo(f"{name:19}{_written(value)}".rstrip())


@jobs.command("retry")
@click.argument("job_ids", metavar="[ID]...", type=click.UUID, nargs=-1)
@click.option("--all", "all_", is_flag=True, help="All jobs that are dead.")
@click.option("--name", help="With --all: only those with this name.")
def retry(job_ids: tuple[UUID, ...], all_: bool, name: str | None) -> None:
    """Have dead jobs tried again, as if they were new."""
    if bool(job_ids) == all_ or (name is not None and not all_):
        raise click.UsageError("Give ids of jobs, or --all, perhaps with --name.")
    if all_:
        click.echo(f"Jobs that the sweep will hand over to be tried again: {job_queue.retry_dead_jobs(name)}")
        return
    refused = [error for job_id in job_ids if (error := _retry(job_id))]
    if refused:
        raise click.ClickException("\n".join(refused))


@jobs.command("purge")
@click.option("--status", type=click.Choice(job_queue.FINISHED_STATUSES), required=True)
@click.option("--older-than", "before", type=Ago(), required=True, help="Seconds, or an age such as 12h or 30d.")
def purge(status: str, before: datetime) -> None:
    """Forget the jobs that ended so, and that long ago."""
    click.echo(f"Jobs purged: {job_queue.purge_jobs(status, before=before)}")


def _retry(job_id: UUID) -> str | None:
    """Why a job is not tried again, if it is not."""
    try:
        service.retry(job_id)
    except Error as error:
        return error.detail
    click.echo(f"Job {job_id} is tried again.")
    return None


def _counts() -> list[str]:
    return [_count(depth) for depth in sorted(job_queue.queue_depths(), key=lambda depth: (depth.name, depth.status))]


def _count(depth: job_queue.QueueDepth) -> str:
    counted = f"{depth.name:{_LONGEST_NAME}} {depth.number:7} {depth.status:8}"
    return f"{counted} oldest due {_age(depth.oldest_due_at)} ago" if depth.oldest_due_at else counted.rstrip()


def _line(job: Any) -> str:
    error = (job.last_error or "")[:_SHOWN_OF_ERROR]
    members = [job.id, job.finished_at or job.due_at, job.name, job.arguments, f"tried {job.attempts}x", error]
    return "  ".join(map(_written, members)).rstrip()


def _age(at: datetime) -> str:
    seconds = max(0.0, (now() - at).total_seconds())
    unit = max((unit for unit, length in _SECONDS.items() if length <= seconds), key=_SECONDS.__getitem__, default="s")
    return f"{seconds // _SECONDS[unit]:.0f}{unit}"


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)
