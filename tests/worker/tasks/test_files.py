"""The job that makes thumbnails, and the sweep of what was broken off."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.files import service
from project.blueprints.files.models import File
from project.blueprints.jobs.service import retry
from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api, created
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import age_job, get_job, list_jobs

RENDER = "files.make_thumbnails"
PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
Do = Callable[[str], UUID]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.signed_in()


def uploaded(ada: Api, content: bytes = PICTURE) -> dict[str, Any]:
    file: dict[str, Any] = created(ada.upload(content, "picture.png"))
    return file


def state(ada: Api, file: dict[str, Any]) -> tuple[str, str]:
    found = created(ada.get(f"/files/{file['id']}"))
    return found["status"], found["thumbnails"]["status"]


def thumbnail(ada: Api, file: dict[str, Any]) -> bytes:
    answer = ada.get(f"/files/{file['id']}/thumbnails/small")
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    return answer.data


def test_a_picture_gets_its_thumbnails(ada: Api, settings: Settings, do: Do) -> None:
    file = uploaded(ada)
    assert state(ada, file) == ("stored", "pending")
    with at_work(settings):
        assert get_job(do(RENDER)).status == "done"
    assert state(ada, file) == ("stored", "ready")
    assert thumbnail(ada, file)[8:12] == b"WEBP"


def test_thumbnails_made_twice_are_the_same(ada: Api, settings: Settings, do: Do) -> None:
    file = uploaded(ada)
    with at_work(settings):
        do(RENDER)
        first = thumbnail(ada, file)
        with transaction() as session:
            session.execute(update(Job).values(status="queued"))
            session.execute(update(File).values(thumbnails="pending"))
        do(RENDER)
    assert thumbnail(ada, file) == first


@pytest.mark.parametrize("damage", [PICTURE[:2000], PICTURE[:50] + bytes(500) + PICTURE[550:]], ids=["cut", "altered"])
def test_a_damaged_picture_is_stored_without_thumbnails(ada: Api, settings: Settings, do: Do, damage: bytes) -> None:
    file = uploaded(ada, damage)
    with at_work(settings):
        row = get_job(do(RENDER))
    assert (row.status, row.attempts) == ("done", 1)
    assert state(ada, file) == ("stored", "failed")
    assert ada.get(f"/files/{file['id']}/content").data == damage


def test_a_file_that_is_gone_needs_no_thumbnails(ada: Api, settings: Settings, do: Do) -> None:
    uploaded(ada)
    with at_work(settings):
        with transaction() as session:
            session.execute(update(File).values(status="pending"))
        assert get_job(do(RENDER)).status == "done"


def test_a_store_that_is_away_has_the_picture_tried_again(ada: Api, settings: Settings, do: Do) -> None:
    file = uploaded(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "away")
    with at_work(settings):
        job_id = do(RENDER)
        assert (get_job(job_id).status, state(ada, file)) == ("queued", ("stored", "pending"))
        (settings.data_dir / "away").rename(settings.data_dir / "files")
        age_job(job_id, 3600)
        do(RENDER)
    assert state(ada, file) == ("stored", "ready")


def test_a_store_that_stays_away_is_given_up_in_the_end(ada: Api, settings: Settings, do: Do) -> None:
    file = uploaded(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "away")
    with at_work(settings.model_copy(update={"job_max_attempts": 1})):
        assert get_job(do(RENDER)).status == "dead"
    assert state(ada, file) == ("stored", "failed")


def test_thumbnails_that_were_given_up_are_made_when_their_job_is_tried_again(
    ada: Api, settings: Settings, do: Do
) -> None:
    file = uploaded(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "away")
    with at_work(settings.model_copy(update={"job_max_attempts": 1})):
        job_id = do(RENDER)
    (settings.data_dir / "away").rename(settings.data_dir / "files")
    assert state(ada, file) == ("stored", "failed")
    with at_work(settings):
        retry(job_id)
        assert get_job(do(RENDER)).status == "done"
    assert state(ada, file) == ("stored", "ready")
    assert thumbnail(ada, file)[8:12] == b"WEBP"


def test_an_upload_that_was_broken_off_long_ago_is_swept_away(ada: Api, settings: Settings) -> None:
    file = uploaded(ada)
    with at_work(settings):
        for age in (settings.upload_timeout_seconds - 60, settings.upload_timeout_seconds + 60):
            assert len(objects(settings)) == 1
            with transaction() as session:
                began_at = now() - timedelta(seconds=age)
                session.execute(update(File).values(status="pending", updated_at=began_at))
            service.purge_files()
    assert objects(settings) == []
    assert ada.get(f"/files/{file['id']}").status_code == 404


def objects(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]


def test_a_picture_that_needs_no_rendering_has_no_job(ada: Api, settings: Settings) -> None:
    created(ada.upload(b"plain text", "notes.txt"))
    with at_work(settings):
        assert list_jobs(RENDER) == []
