"""The transactional outbox: a job is a row, written in the same transaction as the change that causes it.

The job table is authoritative. The broker carries only job ids, so losing all of its messages loses no job.
"""

from project.infrastructure.jobs.admin import (
    FINISHED_STATUSES,
    STATUSES,
    JobRow,
    JobStatus,
    QueueDepth,
    delete_job,
    find_job,
    list_jobs,
    purge_jobs,
    queue_depths,
    retry_dead_jobs,
    retry_job,
)
from project.infrastructure.jobs.claims import (
    MAX_ERROR_LENGTH,
    Claim,
    ClaimLost,
    FailureKind,
    claim,
    fail,
    finish,
    release,
)
from project.infrastructure.jobs.fan_out import fan_out
from project.infrastructure.jobs.publisher import Broker, check_broker, init_app, publish
from project.infrastructure.jobs.queue import Job, enqueue, enqueue_each, pop_overdue

__all__ = [
    "FINISHED_STATUSES",
    "MAX_ERROR_LENGTH",
    "STATUSES",
    "Broker",
    "Claim",
    "ClaimLost",
    "FailureKind",
    "Job",
    "JobRow",
    "JobStatus",
    "QueueDepth",
    "check_broker",
    "claim",
    "delete_job",
    "enqueue",
    "enqueue_each",
    "fail",
    "fan_out",
    "find_job",
    "finish",
    "init_app",
    "list_jobs",
    "pop_overdue",
    "publish",
    "purge_jobs",
    "queue_depths",
    "release",
    "retry_dead_jobs",
    "retry_job",
]
