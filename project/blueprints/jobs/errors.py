"""What jobs refuse."""

from project.errors import Conflict


class JobNotDead(Conflict):
    """Only a dead job can be tried again, and this one is not, or no longer: perhaps somebody else was sooner."""

    code = "job-not-dead"
    title = "Job not dead"
    remedy = "Read the job again: what is queued or running is tried by itself, and what is done needs nothing."


class JobNotEnded(Conflict):
    """Only a job that is done or dead can be purged, and this one is still to be done."""

    code = "job-not-ended"
    title = "Job not ended"
    remedy = "Wait until the job is done or dead."
