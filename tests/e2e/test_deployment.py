"""The processes in the Procfile, with production settings, PostgreSQL, Redis, an S3-compatible store and SMTP."""

import subprocess
import sys
from pathlib import Path

from tests.kit.deployment.processes import ROOT, deployment, production_environment
from tests.kit.servers import services
from tests.kit.servers.services import Postgres


def test_all_platform_flows_pass_with_external_services(
    tmp_path: Path, postgres_server: Postgres, redis_url: str, s3_url: str
) -> None:
    mailbox = tmp_path / "mailbox"
    mailbox.mkdir()
    with services.smtp(mailbox) as mail:
        database = postgres_server.create_database()
        environment = production_environment(
            tmp_path, database=database, broker=redis_url, storage=s3_url, mail=mail.url
        )
        with deployment(environment, folder=tmp_path) as deployed:
            command = [sys.executable, "-m", "tests.verify", deployed.url, "--mailbox", str(mailbox)]
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
