"""Failure matrix, row 37: the mail server is down, drops the connection, or greylists or rejects emails.

The email is sent once the server accepts it. If the server never does, `delivery` becomes `failed`.
"""

from itertools import pairwise
from time import monotonic

import pytest

from tests.faults.jobs.observations import Invitation, invite, invite_unrecorded, new_inviter
from tests.kit.deployment.system import System
from tests.kit.servers.process import eventually

_USE_UP_ATTEMPTS = (
    "UPDATE jobs SET transient_failures = 31, attempts = 31, due_at = now(), publish_at = now() WHERE id = '{}'"
)


def is_sent_once(invitation: Invitation) -> bool:
    return (invitation.delivery, len(invitation.copies)) == ("sent", 1)


def test_email_is_sent_once_the_mail_server_is_available_again(system: System) -> None:
    system.mail.stop()
    invitation = invite(system)
    eventually(lambda: invitation.job.transient_failures >= 2)
    assert invitation.delivery == "queued"
    system.mail.start()
    eventually(lambda: is_sent_once(invitation))
    system.ledger.ensure_nothing_lost()


def test_greylisted_email_is_retried_with_increasing_backoff(system: System) -> None:
    inviter = new_inviter(system)
    system.mail.faults.greylisted = 3
    invitation = invite(system, inviter)
    attempted_at = [monotonic()]
    for left in (2, 1, 0):
        eventually(lambda left=left: system.mail.faults.greylisted == left)  # type: ignore[misc]
        attempted_at.append(monotonic())
    eventually(lambda: is_sent_once(invitation))
    # The backoff starts at JOB_INITIAL_BACKOFF_SECONDS and doubles each time; jitter may halve it.
    delays = [later - earlier for earlier, later in pairwise(attempted_at[1:])]
    assert delays[0] > 0.4
    assert delays[1] > 0.9
    assert (invitation.job.status, invitation.job.attempts, invitation.job.transient_failures) == ("done", 4, 3)


def test_email_is_resent_unchanged_if_confirmation_from_server_is_lost(system: System) -> None:
    inviter = new_inviter(system)
    system.mail.faults.dropped_connections = 2
    invitation = invite(system, inviter)
    eventually(lambda: invitation.delivery == "sent")
    assert (len(invitation.copies), len(set(invitation.copies))) == (3, 1)
    system.ledger.ensure_nothing_lost()


@pytest.mark.parametrize("reply", ["550 no such user", "552 mailbox full"], ids=["no-such-user", "mailbox-full"])
def test_delivery_to_rejected_address_fails_without_retry(system: System, reply: str) -> None:
    system.mail.faults.rejected_recipients["unknown@example.net"] = reply
    invitation = invite_unrecorded(system, "unknown@example.net")
    eventually(lambda: invitation.delivery == "failed")
    assert (invitation.job.status, invitation.job.attempts, invitation.copies) == ("dead", 1, [])
    assert "unknown@example.net" not in str(invitation.job.last_error)


def test_delivery_fails_if_the_mail_server_stays_down(system: System) -> None:
    system.mail.stop()
    invitation = invite(system)
    eventually(lambda: invitation.job.transient_failures == 1 and invitation.job.status == "queued")
    assert invitation.delivery == "queued"
    system.inspection.rows(_USE_UP_ATTEMPTS.format(invitation.job.id) + " RETURNING id")
    eventually(lambda: invitation.delivery == "failed")
    system.mail.start()
    assert (invitation.job.status, invitation.copies) == ("dead", [])


def test_requests_succeed_while_the_mail_server_is_unresponsive(system: System) -> None:
    system.proxies.mail.stall()
    started = monotonic()
    invitation = invite(system)
    seconds = monotonic() - started
    system.proxies.mail.heal()
    eventually(lambda: is_sent_once(invitation))
    assert seconds < 5
