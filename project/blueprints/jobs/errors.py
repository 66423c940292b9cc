"""Errors raised by the jobs blueprint."""

from project.errors import Conflict


class JobNotDead(Conflict):
    """Only dead jobs can be retried. This job may already have been retried."""

    code = "job-not-dead"
    title = "Job not dead"
    remedy = "Check the job's status. Queued and running jobs are retried automatically; completed jobs need no retry."


class JobNotEnded(Conflict):
    """Only jobs that are done or dead can be deleted."""

    code = "job-not-ended"
    title = "Job not finished"
    remedy = "Wait until the job is done or dead."
