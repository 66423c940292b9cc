"""The services that tests use start on any machine."""

import os
from pathlib import Path

import pytest

from tests.kit.servers import postgres


@pytest.mark.skipif(os.geteuid() != 0, reason="another user runs PostgreSQL directly")
def test_postgres_starts_for_root_in_a_folder_that_other_users_cannot_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    binaries = postgres._copy(postgres._binaries(), private)
    monkeypatch.setattr(postgres, "_binaries", lambda: binaries)
    with postgres.postgres() as server:
        server.ping()
