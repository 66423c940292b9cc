"""What is measured, and its budget. A floor and the project are measured in turn, in milliseconds of CPU time."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from random import Random
from statistics import median
from typing import Any
from uuid import uuid4

from flask import Flask
from PIL import Image, ImageOps

from benchmarks.dataset import OWNER, SMALL_OWNER, log_in
from benchmarks.servers import Server, Servers, cpu_seconds
from project.app import create_app
from project.blueprints.auth import passwords
from project.blueprints.files import thumbnails
from project.blueprints.files.jobs import MAKE_THUMBNAILS
from project.config import Settings
from project.infrastructure import jobs
from project.infrastructure.database import transaction
from tests.kit.clients.api import PASSWORD, form
from tests.kit.clients.raw_http import RawResponse
from tests.kit.deployment.programs import ROOT
from tests.kit.servers.process import eventually
from worker.broker import CeleryBroker

_MEGABYTE = 1024 * 1024
_JOBS = 200
# Budgets in absolute times hold on a machine on which the floor of the current user costs this many milliseconds.
_REFERENCE_MILLISECONDS = 1.2


@dataclass(frozen=True)
class Budget:
    """The maximum cost: `factor` times the floor, plus `milliseconds`."""

    factor: float = 0
    milliseconds: float = 0

    def __str__(self) -> str:
        terms = [f"{self.factor:g} × floor"] if self.factor else []
        return " + ".join([*terms, *([f"{self.milliseconds:.1f} ms"] if self.milliseconds else [])])

    def limit(self, floor: float) -> float:
        """Return the maximum number of milliseconds, given the cost of the floor."""
        return self.factor * floor + self.milliseconds


@dataclass(frozen=True)
class Case:
    """One row of the report. `floor` and `ours` return the CPU time of one operation in milliseconds."""

    name: str
    floor: Callable[[], float] | None
    ours: Callable[[], float]
    budget: Budget | None


def measure_slowness(servers: Servers) -> float:
    """Return how many times as slow as the reference machine this machine is."""
    return median(_cost(servers.floor, _get("/auth/me")) for _ in range(5)) / _REFERENCE_MILLISECONDS


def all_cases(servers: Servers, worker_pid: int, slowness: float) -> list[Case]:
    """Return the cases in the order of the report. Budgets in milliseconds are multiplied by `slowness`."""
    os.environ.update(servers.environment)
    settings = Settings.load()
    app = create_app(settings, broker=CeleryBroker(settings))
    return [
        *_reads(servers),
        *_writes(servers),
        *_sessions(servers, app, slowness),
        *_transfers(servers),
        Case("thumbnails of a 12-megapixel JPEG", _plain_pillow, _thumbnails, Budget(0.6)),
        Case("job", None, partial(_job, app, worker_pid), Budget(milliseconds=5 * slowness)),
    ]


def _reads(servers: Servers) -> Iterator[Case]:
    small_owner = Server(servers.ours.port, servers.ours.pid, log_in(servers.ours, SMALL_OWNER))
    yield _served(servers, "current user", _get("/auth/me"), Budget(1.5))
    for limit in (20, 100):
        first, deep = _get(f"/files?limit={limit}"), _get(f"/files?limit={limit}&cursor={{cursor}}")
        yield _served(servers, f"page of {limit}", first, Budget(2))
        yield _served(servers, f"page of {limit}, 100,000 rows deep", deep, Budget(2))
    yield _served(servers, "page of 20 organizations", _get("/organizations"), Budget(2))
    page = _get("/files?limit=20")
    large, small = partial(_cost, servers.ours, page), partial(_cost, small_owner, page)
    last = partial(_cost, servers.ours, _get("/files?limit=20&cursor={cursor}"))
    yield Case("deep page, against the first page", large, last, Budget(1.1))
    yield Case("page of 200,000 rows, against 1,000 rows", small, large, Budget(1.1))


def _writes(servers: Servers) -> Iterator[Case]:
    create = partial(_cost, servers.floor, _create)
    yield _served(servers, "create", _create, Budget(2.2))
    yield Case("create with an idempotency key", create, partial(_cost, servers.ours, _create_once), Budget(3))


def _sessions(servers: Servers, app: Flask, slowness: float) -> Iterator[Case]:
    budget = Budget(1, 4 * slowness)
    yield Case(
        "login, against its password hash", partial(_hash, app), partial(_cost, servers.ours, _log_in, 20), budget
    )
    yield _served(servers, "refresh", _refresh, None)


def _transfers(servers: Servers) -> Iterator[Case]:
    yield from _transfer(servers, "1 KB", 1024, None, 100)
    yield from _transfer(servers, "1 MB", _MEGABYTE, Budget(1.8), 20)
    yield from _transfer(servers, "100 MB", 100 * _MEGABYTE, Budget(1.3), 1)


def _transfer(servers: Servers, name: str, size: int, budget: Budget | None, batch: int) -> Iterator[Case]:
    upload = partial(_upload, *form(b"%PDF-1.7\n" + Random(size).randbytes(size - 9), "report.pdf"))
    yield _served(servers, f"upload of {name}", upload, budget, batch)
    yield _served(servers, f"download of {name}", partial(_download, upload, name), budget, batch)


def _served(
    servers: Servers, name: str, send: Callable[[Server], RawResponse], budget: Budget | None, batch: int = 200
) -> Case:
    _ensure_comparable(name, send(servers.floor), send(servers.ours))
    return Case(name, partial(_cost, servers.floor, send, batch), partial(_cost, servers.ours, send, batch), budget)


def _cost(server: Server, send: Callable[[Server], RawResponse], batch: int = 200) -> float:
    before = server.cpu_seconds()
    for _ in range(batch):
        send(server)
    return (server.cpu_seconds() - before) / batch * 1000


def _ensure_comparable(name: str, floor: RawResponse, ours: RawResponse) -> None:
    """Fail unless both responses have the same headers, and bodies of the same length with the same members."""
    assert floor.status == ours.status, name
    ignored = {"server", "date", "connection"}
    assert set(floor.headers) - ignored == set(ours.headers) - ignored, (name, floor.headers, ours.headers)
    assert abs(len(floor.body) - len(ours.body)) <= 8, (name, floor.body[:400], ours.body[:400])
    if ours.headers["content-type"] == "application/json":
        assert _shape(floor.json) == _shape(ours.json), name


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(member) for name, member in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


def _get(path: str) -> Callable[[Server], RawResponse]:
    return lambda server: server.request("GET", path.format(**server.state))


def _create(server: Server, **headers: str) -> RawResponse:
    name = f"Engines {server.pid} {next(server.state['numbers']):06}"
    return server.post("/organizations", {"name": name}, expected=201, **headers)


def _create_once(server: Server) -> RawResponse:
    return _create(server, Idempotency_Key=str(uuid4()))


def _log_in(server: Server) -> RawResponse:
    return server.post("/auth/login", {"email": OWNER, "password": PASSWORD})


def _refresh(server: Server) -> RawResponse:
    token = server.state.get("refresh_token") or _log_in(server).json["refresh_token"]
    response = server.post("/auth/refresh", {"refresh_token": token})
    server.state["refresh_token"] = response.json["refresh_token"]
    return response


def _upload(body: bytes, content_type: str, server: Server) -> RawResponse:
    return server.request("POST", "/files", body, expected=201, Content_Type=content_type)


def _download(upload: Callable[[Server], RawResponse], name: str, server: Server) -> RawResponse:
    if name not in server.state:
        server.state[name] = upload(server).json["id"]
    return server.request("GET", f"/files/{server.state[name]}/content")


def _hash(app: Flask) -> float:
    with app.app_context():
        encoded = passwords.hash_password(PASSWORD)
        return _process_cost(lambda: passwords.matches(encoded, PASSWORD), 20)


def _thumbnails() -> float:
    return _process_cost(lambda: thumbnails.render(BytesIO(_photo()), thumbnails.SIZES, max_pixels=50_000_000), 3)


def _plain_pillow() -> float:
    return _process_cost(_render_plainly, 3)


def _render_plainly() -> None:
    image = ImageOps.exif_transpose(Image.open(BytesIO(_photo()))).convert("RGB")
    for edge in thumbnails.SIZES.values():
        thumbnail = image.copy()
        thumbnail.thumbnail((edge, edge))
        thumbnail.save(BytesIO(), "WEBP")


def _process_cost(work: Callable[[], object], repetitions: int) -> float:
    before = time.process_time()
    for _ in range(repetitions):
        work()
    return (time.process_time() - before) / repetitions * 1000


@cache
def _photo() -> bytes:
    enlarged = BytesIO()
    Image.open(ROOT / "tests/data/photos/rocket.jpg").resize((4000, 3000)).save(enlarged, "JPEG", quality=90)
    return enlarged.getvalue()


def _job(app: Flask, worker_pid: int) -> float:
    """Return the cost of a job that finds nothing to do, from the broker to the end of its work."""
    before = cpu_seconds(worker_pid)
    with app.app_context():
        with transaction():
            for _ in range(_JOBS):
                jobs.enqueue(MAKE_THUMBNAILS, file_id=str(uuid4()))
        eventually(lambda: not jobs.queue_depths(), 60)
    return (cpu_seconds(worker_pid) - before) / _JOBS * 1000
