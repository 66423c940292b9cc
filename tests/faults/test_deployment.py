"""Without a fault, a deployment keeps its promises; and the ledger finds each way to break one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.clients.api import Api, created
from tests.kit.deployment.system import System

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "rocket.jpg").read_bytes()


def do_everything(system: System) -> Api:
    """Make one thing of each kind that the ledger knows."""
    owner = system.ledger.session(system.api.signed_in())
    organization = created(system.ledger.organization(owner))
    created(system.ledger.invitation(owner, organization["id"]))
    created(system.ledger.file(owner, PICTURE, "rocket.jpg"))
    return owner


def test_a_deployment_on_services_loses_nothing(system: System) -> None:
    do_everything(system)
    system.ledger.ensure_nothing_lost()


def test_a_deployment_on_embedded_parts_loses_nothing(embedded_system: System) -> None:
    do_everything(embedded_system)
    embedded_system.ledger.ensure_nothing_lost()


def lose_a_row(system: System) -> None:
    system.behind.rows("DELETE FROM organizations WHERE name LIKE 'Ledger%' RETURNING id")


def alter_a_row(system: System) -> None:
    system.behind.rows("UPDATE files SET filename = 'other' RETURNING id")


def lose_a_message(system: System) -> None:
    for path in system.behind.mailbox.glob("*.eml"):
        path.unlink()


def send_a_message_anew(system: System) -> None:
    for path in system.behind.mailbox.glob("*.eml"):
        path.with_name("again.eml").write_bytes(path.read_bytes().replace(b"Message-ID: <", b"Message-ID: <again-"))


def kill_a_job(system: System) -> None:
    system.behind.rows("UPDATE jobs SET status = 'dead' RETURNING id")


def advance_a_session(system: System) -> None:
    system.behind.rows("UPDATE sessions SET generation = generation + 1 RETURNING id")


BREAKS = [lose_a_row, alter_a_row, lose_a_message, send_a_message_anew, kill_a_job, advance_a_session]


@pytest.mark.parametrize("break_one", BREAKS, ids=lambda function: function.__name__)
def test_the_ledger_finds_what_was_broken(embedded_system: System, break_one: Callable[[System], None]) -> None:
    do_everything(embedded_system)
    embedded_system.ledger.ensure_nothing_lost()
    break_one(embedded_system)
    with pytest.raises(AssertionError):
        embedded_system.ledger.ensure_nothing_lost()


def test_the_ledger_finds_lost_objects(embedded_system: System) -> None:
    do_everything(embedded_system)
    embedded_system.ledger.ensure_nothing_lost()
    store = embedded_system.behind.mailbox.with_name("files")
    elsewhere = store.rename(store.with_name("elsewhere"))
    with pytest.raises(AssertionError):
        embedded_system.ledger.ensure_no_stray_object()
    elsewhere.rename(store)


@pytest.mark.full
def test_the_ledger_finds_an_object_that_no_sweep_takes_away(embedded_system: System) -> None:
    stray = embedded_system.behind.mailbox.with_name("files") / "stray"
    stray.touch()
    with pytest.raises(AssertionError):
        embedded_system.ledger.ensure_no_stray_object()
    stray.unlink()
