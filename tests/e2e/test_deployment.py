"""The Procfile in production settings, on PostgreSQL, Redis, an S3-compatible store and SMTP."""

import subprocess
import sys
from pathlib import Path

from tests.kit.deployment.processes import ROOT, deployment, production
from tests.kit.servers import services
from tests.kit.servers.services import Postgres


def test_every_platform_flow_holds_on_the_real_services(
    tmp_path: Path, postgres_server: Postgres, redis_url: str, s3_url: str
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    with services.smtp(mailbox) as mail:
        database = postgres_server.create_database()
        environment = production(tmp_path, database=database, broker=redis_url, storage=s3_url, mail=mail.url)
        with deployment(environment, folder=tmp_path) as running:
            command = [sys.executable, "-m", "tests.verify", running.url, "--mailbox", str(mailbox)]
            verified = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout
