"""One job for each of very many things: in chunks, each written together with the job that goes on with the next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from project.infrastructure.database import transaction
from project.infrastructure.jobs.queue import enqueue, enqueue_each

CHUNK_SIZE = 500


def fan_out(
    ids_after: Callable[[UUID | None, int], Sequence[UUID]],
    *,
    each: str,
    as_: str,
    whole: str,
    after: UUID | None,
    arguments: Mapping[str, Any],
) -> None:
    """Enqueue the job called `each` for every id, with `arguments` and the id by the name `as_`.

    To be called by the job called `whole`, which has the same `arguments` and `after`: it writes one chunk, and the job
    `whole` for the next. `ids_after(after, limit)` gives ids in ascending order. Whatever is killed or done again,
    each id gets its job once, as long as these rows are kept (DONE_JOB_RETENTION_SECONDS).
    """
    with transaction():
        ids = ids_after(after, CHUNK_SIZE)
        enqueue_each(each, [{**arguments, as_: one} for one in ids])
        if len(ids) == CHUNK_SIZE:
            enqueue(whole, dedupe_key=f"{sorted(arguments.items())} after {ids[-1]}", **arguments, after=ids[-1])
