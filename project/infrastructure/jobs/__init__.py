"""The transactional outbox: a job is a row, written in the transaction that causes it.

The table is the truth and the broker only carries: losing all that the broker holds loses no job.
"""

from project.infrastructure.jobs.admin import (
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
from project.infrastructure.jobs.claims import LONGEST_ERROR, Claim, ClaimLost, Failure, claim, fail, finish, release
from project.infrastructure.jobs.fan_out import fan_out
from project.infrastructure.jobs.publisher import Broker, check, init_app, publish
from project.infrastructure.jobs.queue import Job, enqueue, enqueue_each, take_overdue

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
