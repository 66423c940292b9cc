"""Rows 10 to 12: whoever is at a job is killed, stopped or told to end, and the job is done, with one effect."""

import os
import re
import signal
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.faults.jobs.observations import held_at, in_the_middle_of_a_mail, invite, job_of, lapse, sender
from tests.kit.clients.api import created
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
# JOB_TIME_LIMIT_SECONDS and a quarter; then two sweeps, and what a busy machine takes. The broker would take an hour.
LEASE_SECONDS, PATIENCE_SECONDS = 5, 20


def test_a_child_killed_inside_a_job_has_it_done_again_within_its_lease(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, child, _worker):
        os.kill(child, signal.SIGKILL)
    eventually(lambda: invited.delivery == "sent", LEASE_SECONDS + PATIENCE_SECONDS)
    assert (invited.job.status, invited.job.attempts) == ("done", 2)
    assert len(set(invited.copies)) == 1
    system.ledger.ensure_nothing_lost()


def test_a_job_that_ends_its_process_each_time_is_given_up(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, child, _worker):
        os.kill(child, signal.SIGKILL)
        lapse(system)
        eventually(lambda: len(invited.copies) == 2)
        os.kill(sender(system), signal.SIGKILL)
        lapse(system)
        eventually(lambda: invited.delivery == "failed")
    assert (invited.job.status, len(invited.copies)) == ("dead", 2)
    assert str(invited.job.last_error).startswith("WorkerEnded")


def test_a_worker_that_is_killed_whole_has_its_job_done_by_another(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, _child, worker):
        os.killpg(worker, signal.SIGKILL)
    eventually(lambda: invited.delivery == "sent", LEASE_SECONDS + PATIENCE_SECONDS)
    assert (invited.job.status, invited.job.attempts) == ("done", 2)
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("late", ["has sent its mail", "has failed to send it"])
def test_a_worker_that_was_stopped_past_its_lease_and_wakes_up_changes_nothing(system: System, late: str) -> None:
    with in_the_middle_of_a_mail(system) as (invited, _child, worker):
        os.killpg(worker, signal.SIGSTOP)
        if late == "has failed to send it":
            system.proxies.mail.cut()
    lapse(system)
    eventually(lambda: invited.delivery == "sent")
    done, heard = invited.job, log_of(system, worker)
    os.killpg(worker, signal.SIGCONT)
    eventually(lambda: log_of(system, worker).count("job.claim_lost") > heard.count("job.claim_lost"))
    assert invited.job == done
    assert (done.status, done.attempts, len(invited.copies)) == ("done", 2, 2)
    system.ledger.ensure_nothing_lost()


def log_of(system: System, worker: int) -> str:
    """What a worker has logged."""
    [name] = [name for name, process in system.deployment.processes.items() if process.pid == worker]
    return system.deployment.log(name)


@pytest.mark.parametrize(
    "point",
    [
        "telling that a mail was sent",
        pytest.param("ending a job", marks=pytest.mark.full),
        pytest.param("committing an end", marks=pytest.mark.full),
    ],
)
def test_a_worker_killed_between_the_250_and_the_commit_sends_the_same_mail_again(system: System, point: str) -> None:
    with held_at(system, point) as gate:
        invited = invite(system)
        eventually(lambda: gate.arrived() == 1 and len(invited.copies) == 1)
        gate.kill()
        # Else a statement that was under way may still be carried out.
        gate.end_connections()
    lapse(system)
    eventually(lambda: invited.job.status == "done")
    assert (len(invited.copies), len(set(invited.copies))) == (2, 1)
    found = system.api.post("/invitations/lookup", {"token": token_in(invited.copies[1])})
    assert found.status_code == 200
    system.ledger.ensure_nothing_lost()


def token_in(mail: bytes) -> str:
    """The token in the link of an invitation."""
    text = message_from_bytes(mail, policy=default).get_body(("plain",))
    assert text is not None
    [token] = re.findall(r"/invitation#token=(\S+)", text.get_content())
    return str(token)


def test_a_worker_killed_between_the_store_and_the_commit_makes_the_same_thumbnails(system: System) -> None:
    with held_at(system, "telling of thumbnails") as gate:
        file = created(system.ledger.file(system.api.signed_in(), PICTURE, "coffee.png"))
        eventually(lambda: gate.arrived() == 1)
        first = thumbnails(system, file["id"])
        gate.kill()
    lapse(system)
    eventually(lambda: job_of(system, file["id"]).status == "done")
    assert job_of(system, file["id"]).attempts == 2
    assert (len(first), thumbnails(system, file["id"])) == (2, first)
    system.ledger.ensure_nothing_lost()


def thumbnails(system: System, file_id: str) -> dict[str, str | None]:
    """The digest of each thumbnail in the store, by its key."""
    [(key,)] = system.behind.rows(f"SELECT storage_key FROM files WHERE id = '{file_id}'")
    found = system.behind.store.list_objects(system.behind.bucket, prefix=f"{key}/", recursive=True)  # type: ignore[attr-defined]
    return {each.object_name: each.etag for each in found if not each.object_name.endswith("/original")}


def test_a_worker_that_is_told_to_end_ends_its_mail_first(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, _child, worker):
        os.killpg(worker, signal.SIGTERM)
        system.mail.faults.held.clear()
        [process] = [each for each in system.deployment.processes.values() if each.pid == worker]
        eventually(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert (invited.job.status, invited.job.attempts, len(invited.copies)) == ("done", 1, 1)


def test_a_worker_that_may_not_end_its_mail_gives_it_back(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, _child, worker):
        os.killpg(worker, signal.SIGTERM)
        eventually(lambda: len(invited.copies) == 2)
    eventually(lambda: invited.delivery == "sent")
    assert (invited.job.status, invited.job.attempts) == ("done", 1)
    assert len(set(invited.copies)) == 1


@pytest.mark.full
def test_a_mail_that_takes_longer_than_its_time_limit_is_broken_off_and_sent_again(system: System) -> None:
    with in_the_middle_of_a_mail(system) as (invited, _child, _worker):
        eventually(lambda: len(invited.copies) == 2)
    eventually(lambda: invited.delivery == "sent")
    assert (invited.job.status, invited.job.attempts, len(set(invited.copies))) == ("done", 2, 1)
