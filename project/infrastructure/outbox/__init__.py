"""The transactional outbox: a job is a row, written in the transaction that causes it.

The table is the truth and the broker only carries: losing all that the broker holds loses no job.
"""

from project.infrastructure.outbox.claims import Claim, ClaimLost, claim, fail, finish
from project.infrastructure.outbox.jobs import Job, enqueue, take_overdue
from project.infrastructure.outbox.publisher import Broker, check, init_app, publish

__all__ = [
    "Broker",
    "Claim",
    "ClaimLost",
    "Job",
    "check",
    "claim",
    "enqueue",
    "fail",
    "finish",
    "init_app",
    "publish",
    "take_overdue",
]
