"""Row 37: the mail server is down, puts off, hangs up or refuses; the mail comes once it can, or `delivery` says no."""

from itertools import pairwise
from time import monotonic

import pytest

from tests.faults.jobs.observations import Invited, invite, invite_in_vain
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

_LAST = "UPDATE jobs SET transient_failures = 31, attempts = 31, due_at = now(), publish_at = now() WHERE id = '{}'"


def is_sent_once(invited: Invited) -> bool:
    return (invited.delivery, len(invited.copies)) == ("sent", 1)


def test_a_server_that_was_down_gets_the_mail_when_it_is_back(system: System) -> None:
    system.mail.stop()
    invited = invite(system)
    eventually(lambda: invited.job.transient_failures >= 2)
    assert invited.delivery == "queued"
    system.mail.start()
    eventually(lambda: is_sent_once(invited))
    system.ledger.ensure_nothing_lost()


def test_a_server_that_puts_off_is_asked_again_after_longer_and_longer_waits(system: System) -> None:
    system.mail.faults.greylisted = 3
    invited = invite(system)
    tries = [monotonic()]
    for left in (2, 1, 0):
        eventually(lambda left=left: system.mail.faults.greylisted == left)  # type: ignore[misc]
        tries.append(monotonic())
    eventually(lambda: is_sent_once(invited))
    # JOB_INITIAL_BACKOFF_SECONDS, doubled each time, of which jitter leaves a half.
    waits = [later - earlier for earlier, later in pairwise(tries[1:])]
    assert waits[0] > 0.4
    assert waits[1] > 0.9
    assert (invited.job.status, invited.job.attempts, invited.job.transient_failures) == ("done", 4, 3)


def test_a_mail_whose_answer_was_lost_is_sent_again_with_the_same_bytes(system: System) -> None:
    system.mail.faults.hang_ups = 2
    invited = invite(system)
    eventually(lambda: invited.delivery == "sent")
    assert (len(invited.copies), len(set(invited.copies))) == (3, 1)
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("answer", ["550 no such user", "552 mailbox full"])
def test_an_address_that_is_refused_is_given_up_at_once(system: System, answer: str) -> None:
    system.mail.faults.refused["nobody@example.net"] = answer
    invited = invite_in_vain(system, "nobody@example.net")
    eventually(lambda: invited.delivery == "failed")
    assert (invited.job.status, invited.job.attempts, invited.copies) == ("dead", 1, [])
    assert "nobody@example.net" not in str(invited.job.last_error)


def test_a_server_that_stays_away_is_given_up_in_the_end_and_delivery_says_so(system: System) -> None:
    system.mail.stop()
    invited = invite(system)
    eventually(lambda: invited.job.transient_failures == 1 and invited.job.status == "queued")
    assert invited.delivery == "queued"
    system.behind.rows(_LAST.format(invited.job.id) + " RETURNING id")
    eventually(lambda: invited.delivery == "failed")
    system.mail.start()
    assert (invited.job.status, invited.copies) == ("dead", [])


def test_requests_are_answered_while_the_mail_server_says_nothing(system: System) -> None:
    system.proxies.mail.swallow()
    began = monotonic()
    invited = invite(system)
    seconds = monotonic() - began
    system.proxies.mail.heal()
    eventually(lambda: is_sent_once(invited))
    assert seconds < 5
