"""Failure matrix, rows 10 to 12: a job completes with one effect if its process is killed, stopped or shut down."""

import os
import re
import signal
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.faults.jobs.observations import expire_leases, invite, job_of, paused_at, sender_pid, sending_email
from tests.kit.clients.api import success
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()


def test_job_is_retried_after_its_lease_expires_if_child_process_is_killed(system: System) -> None:
    with sending_email(system) as (invitation, child, _worker):
        os.kill(child, signal.SIGKILL)
    # The broker would not redeliver the job for an hour.
    expire_leases(system)
    eventually(lambda: invitation.delivery == "sent")
    assert (invitation.job.status, invitation.job.attempts) == ("done", 2)
    assert len(set(invitation.copies)) == 1
    system.ledger.ensure_nothing_lost()


def test_job_whose_process_dies_on_every_attempt_is_marked_dead(system: System) -> None:
    with sending_email(system) as (invitation, child, _worker):
        os.kill(child, signal.SIGKILL)
        expire_leases(system)
        eventually(lambda: len(invitation.copies) == 2)
        os.kill(sender_pid(system), signal.SIGKILL)
        expire_leases(system)
        eventually(lambda: invitation.delivery == "failed")
    assert (invitation.job.status, len(invitation.copies)) == ("dead", 2)
    assert str(invitation.job.last_error).startswith("WorkerDied")


def test_job_of_killed_worker_is_completed_by_another_worker(system: System) -> None:
    with sending_email(system) as (invitation, _child, worker):
        os.killpg(worker, signal.SIGKILL)
    # The broker would not redeliver the job for an hour.
    expire_leases(system)
    eventually(lambda: invitation.delivery == "sent")
    assert (invitation.job.status, invitation.job.attempts) == ("done", 2)
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("is_sent", [True, False], ids=["email-sent", "email-failed"])
def test_worker_resumed_after_its_lease_expired_does_not_change_the_job(system: System, is_sent: bool) -> None:
    with sending_email(system) as (invitation, _child, worker):
        os.killpg(worker, signal.SIGSTOP)
        if not is_sent:
            system.proxies.mail.reset_connections()
    expire_leases(system)
    eventually(lambda: invitation.delivery == "sent")
    done, log = invitation.job, log_of(system, worker)
    os.killpg(worker, signal.SIGCONT)
    eventually(lambda: log_of(system, worker).count("job.claim_lost") > log.count("job.claim_lost"))
    assert invitation.job == done
    assert (done.status, done.attempts, len(invitation.copies)) == ("done", 2, 2)
    system.ledger.ensure_nothing_lost()


def log_of(system: System, worker: int) -> str:
    """Return the log of the worker with the given PID."""
    [name] = [name for name, process in system.deployment.processes.items() if process.pid == worker]
    return system.deployment.log(name)


@pytest.mark.parametrize(
    "pause_point",
    [
        "mark-email-sent",
        pytest.param("finish-job", marks=pytest.mark.full),
        pytest.param("commit-finished-job", marks=pytest.mark.full),
    ],
)
def test_email_is_resent_unchanged_if_worker_is_killed_between_delivery_and_commit(
    system: System, pause_point: str
) -> None:
    with paused_at(system, pause_point) as point:
        invitation = invite(system)
        eventually(lambda: point.count_paused() == 1 and len(invitation.copies) == 1)
        point.kill()
        # Otherwise, PostgreSQL might still complete the paused statement.
        point.end_connections()
    expire_leases(system)
    eventually(lambda: invitation.job.status == "done")
    assert (len(invitation.copies), len(set(invitation.copies))) == (2, 1)
    response = system.api.post("/invitations/lookup", {"token": token_in(invitation.copies[1])})
    assert response.status_code == 200
    system.ledger.ensure_nothing_lost()


def token_in(email: bytes) -> str:
    """Return the token in the link of an invitation email."""
    text = message_from_bytes(email, policy=default).get_body(("plain",))
    assert text is not None
    [token] = re.findall(r"/invitation#token=(\S+)", text.get_content())
    return str(token)


def test_identical_thumbnails_are_created_again_if_worker_is_killed_before_commit(system: System) -> None:
    with paused_at(system, "mark-thumbnails-ready") as point:
        file = success(system.ledger.file(system.api.as_new_user(), PICTURE, "coffee.png"))
        eventually(lambda: point.count_paused() == 1)
        first = thumbnails(system, file["id"])
        point.kill()
    expire_leases(system)
    eventually(lambda: job_of(system, file["id"]).status == "done")
    assert job_of(system, file["id"]).attempts == 2
    assert (len(first), thumbnails(system, file["id"])) == (2, first)
    system.ledger.ensure_nothing_lost()


def thumbnails(system: System, file_id: str) -> dict[str, str | None]:
    """Return the ETags of a file's stored thumbnails by object name."""
    [(key,)] = system.inspection.rows(f"SELECT storage_key FROM files WHERE id = '{file_id}'")
    objects = system.inspection.store.list_objects(system.inspection.bucket, prefix=f"{key}/", recursive=True)  # type: ignore[attr-defined]
    return {each.object_name: each.etag for each in objects if not each.object_name.endswith("/original")}


def test_worker_finishes_sending_an_email_before_it_shuts_down(system: System) -> None:
    with sending_email(system) as (invitation, _child, worker):
        os.killpg(worker, signal.SIGTERM)
        system.mail.faults.unanswered_commands.clear()
        [process] = [each for each in system.deployment.processes.values() if each.pid == worker]
        eventually(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert (invitation.job.status, invitation.job.attempts, len(invitation.copies)) == ("done", 1, 1)


def test_worker_releases_its_job_if_shutdown_exceeds_grace_period(system: System) -> None:
    with sending_email(system) as (invitation, _child, worker):
        os.killpg(worker, signal.SIGTERM)
        eventually(lambda: len(invitation.copies) == 2)
    eventually(lambda: invitation.delivery == "sent")
    assert (invitation.job.status, invitation.job.attempts) == ("done", 1)
    assert len(set(invitation.copies)) == 1


@pytest.mark.full
def test_job_that_exceeds_its_time_limit_is_aborted_and_retried(system: System) -> None:
    with sending_email(system) as (invitation, _child, _worker):
        eventually(lambda: len(invitation.copies) == 2, 120)
    eventually(lambda: invitation.delivery == "sent")
    assert (invitation.job.status, invitation.job.attempts, len(set(invitation.copies))) == ("done", 2, 1)
