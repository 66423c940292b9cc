"""Failure matrix, rows 10, 12 and 13, with local backends: the filesystem broker, SQLite and a mailbox folder."""

from pathlib import Path

import pytest

from tests.kit.clients.api import success
from tests.kit.deployment.system import System

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()


@pytest.mark.full
def test_no_data_is_lost_with_local_backends_if_workers_are_killed_repeatedly(local_system: System) -> None:
    owner = local_system.api.as_new_user()
    organization_id = success(local_system.ledger.organization(owner))["id"]
    for worker in ("worker-1", "worker-2", "worker-1"):
        for _ in range(4):
            success(local_system.ledger.invitation(owner, organization_id))
            success(local_system.ledger.file(owner, PICTURE, "coffee.png"))
        success(local_system.ledger.file(owner, PICTURE[:2000], "corrupt.png"))
        local_system.deployment.kill(worker)
        local_system.deployment.restart_ended()
    local_system.ledger.ensure_nothing_lost(seconds=60)
    states = local_system.inspection.rows("SELECT thumbnails, count(*) FROM files GROUP BY 1 ORDER BY 1")
    assert states == [("failed", 3), ("ready", 12)]
