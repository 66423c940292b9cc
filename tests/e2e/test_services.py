"""The services that the tests use start on any machine."""

import os
from pathlib import Path

import pytest

from tests.kit.servers import postgres


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_postgres_starts_for_root_if_other_users_cannot_access_its_binaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    binaries = postgres._copy(postgres._binaries(), private)
    monkeypatch.setattr(postgres, "_binaries", lambda: binaries)
    with postgres.postgres() as server:
        server.ping()
