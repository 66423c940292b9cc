"""Enqueues one job for each of a large number of ids, in chunks, with one transaction per chunk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from project.infrastructure.database import transaction
from project.infrastructure.jobs.queue import enqueue, enqueue_each

CHUNK_SIZE = 500


def fan_out(
    ids_after: Callable[[UUID | None, int], Sequence[UUID]],
    *,
    item_job: str,
    id_argument: str,
    fan_out_job: str,
    after: UUID | None,
    arguments: Mapping[str, Any],
) -> None:
    """Enqueue a job named `item_job` for each id, with `arguments` and with the id as the argument `id_argument`.

    Must be called by a job named `fan_out_job`, with that job's `arguments` and `after`. Each call enqueues one chunk
    and, in the same transaction, a job named `fan_out_job` for the next chunk. `ids_after(after, limit)` must return
    ids in ascending order.

    Each id gets exactly one job, even if a job is killed or repeated, as long as the rows of these jobs are kept
    (DONE_JOB_RETENTION_SECONDS).
    """
    with transaction():
        ids = ids_after(after, CHUNK_SIZE)
        enqueue_each(item_job, [{**arguments, id_argument: id_} for id_ in ids])
        if len(ids) == CHUNK_SIZE:
            enqueue(fan_out_job, dedupe_key=f"{sorted(arguments.items())} after {ids[-1]}", **arguments, after=ids[-1])
