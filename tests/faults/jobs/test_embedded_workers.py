"""Rows 10, 12 and 13 on embedded parts: a broker of files, SQLite and a mailbox folder."""

from pathlib import Path

import pytest

from tests.kit.clients.api import created
from tests.kit.deployment.system import System

PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()


@pytest.mark.full
def test_workers_on_embedded_parts_that_are_killed_again_and_again_lose_nothing(embedded_system: System) -> None:
    owner = embedded_system.api.signed_in()
    organization_id = created(embedded_system.ledger.organization(owner))["id"]
    for worker in ("worker-1", "worker-2", "worker-1"):
        for _ in range(4):
            created(embedded_system.ledger.invitation(owner, organization_id))
            created(embedded_system.ledger.file(owner, PICTURE, "coffee.png"))
        created(embedded_system.ledger.file(owner, PICTURE[:2000], "corrupt.png"))
        embedded_system.deployment.kill(worker)
        embedded_system.deployment.revive()
    embedded_system.ledger.ensure_nothing_lost(seconds=60)
    states = embedded_system.behind.rows("SELECT thumbnails, count(*) FROM files GROUP BY 1 ORDER BY 1")
    assert states == [("failed", 3), ("ready", 12)]
