"""The transactional outbox: a job is a row, written in the transaction that causes it.

The table is the truth and the broker only carries: losing all that the broker holds loses no job.
"""

from project.infrastructure.outbox.batches import fan_out
from project.infrastructure.outbox.claims import (
    LONGEST_ERROR,
    Claim,
    ClaimLost,
    Failure,
    claim,
    fail,
    finish,
    release,
)
from project.infrastructure.outbox.jobs import Job, enqueue, enqueue_each, take_overdue
from project.infrastructure.outbox.operation import (
    ENDED,
    STATUSES,
    Depth,
    depths,
    find_job,
    list_jobs,
    purge,
    remove,
    retry,
    retry_all,
)
from project.infrastructure.outbox.publisher import Broker, check, init_app, publish

__all__ = [
    "ENDED",
    "LONGEST_ERROR",
    "STATUSES",
    "Broker",
    "Claim",
    "ClaimLost",
    "Depth",
    "Failure",
    "Job",
    "check",
    "claim",
    "depths",
    "enqueue",
    "enqueue_each",
    "fail",
    "fan_out",
    "find_job",
    "finish",
    "init_app",
    "list_jobs",
    "publish",
    "purge",
    "release",
    "remove",
    "retry",
    "retry_all",
    "take_overdue",
]
