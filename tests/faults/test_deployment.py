"""A deployment without faults loses nothing, and the ledger detects every kind of loss."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.clients.api import Api, success
from tests.kit.deployment.system import System

PICTURE = Path(__file__).parents[1].joinpath("data", "photos", "rocket.jpg").read_bytes()


def create_one_of_each(system: System) -> Api:
    """Create one resource of each kind that the ledger records; return their owner."""
    owner = system.ledger.session(system.api.as_new_user())
    organization = success(system.ledger.organization(owner))
    success(system.ledger.invitation(owner, organization["id"]))
    success(system.ledger.file(owner, PICTURE, "rocket.jpg"))
    return owner


def test_deployment_with_external_services_loses_no_data(system: System) -> None:
    create_one_of_each(system)
    system.ledger.ensure_nothing_lost()


def test_deployment_with_local_backends_loses_no_data(local_system: System) -> None:
    create_one_of_each(local_system)
    local_system.ledger.ensure_nothing_lost()


def delete_row(system: System) -> None:
    system.inspection.rows("DELETE FROM organizations WHERE name LIKE 'Ledger%' RETURNING id")


def change_row(system: System) -> None:
    system.inspection.rows("UPDATE files SET filename = 'other' RETURNING id")


def delete_email(system: System) -> None:
    for path in system.inspection.mailbox.glob("*.eml"):
        path.unlink()


def send_another_email(system: System) -> None:
    for path in system.inspection.mailbox.glob("invitation*.eml"):
        path.with_name("again.eml").write_bytes(path.read_bytes().replace(b"Message-ID: <", b"Message-ID: <again-"))


def mark_job_dead(system: System) -> None:
    system.inspection.rows("UPDATE jobs SET status = 'dead' RETURNING id")


def advance_session(system: System) -> None:
    system.inspection.rows("UPDATE sessions SET generation = generation + 1 RETURNING id")


DAMAGE = [delete_row, change_row, delete_email, send_another_email, mark_job_dead, advance_session]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda function: function.__name__.replace("_", "-"))
def test_ledger_detects_lost_changed_or_duplicated_data(local_system: System, damage: Callable[[System], None]) -> None:
    create_one_of_each(local_system)
    local_system.ledger.ensure_nothing_lost()
    damage(local_system)
    with pytest.raises(AssertionError):
        local_system.ledger.ensure_nothing_lost()


def test_ledger_detects_lost_objects(local_system: System) -> None:
    create_one_of_each(local_system)
    local_system.ledger.ensure_nothing_lost()
    store = local_system.inspection.mailbox.with_name("files")
    elsewhere = store.rename(store.with_name("elsewhere"))
    with pytest.raises(AssertionError):
        local_system.ledger.ensure_no_orphaned_objects()
    elsewhere.rename(store)


@pytest.mark.full
def test_ledger_detects_orphaned_object_that_is_never_purged(local_system: System) -> None:
    orphan = local_system.inspection.mailbox.with_name("files") / "orphan"
    orphan.touch()
    with pytest.raises(AssertionError):
        local_system.ledger.ensure_no_orphaned_objects()
    orphan.unlink()
