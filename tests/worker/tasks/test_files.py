"""The task that creates thumbnails, and the purging of unfinished uploads."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.files import service, thumbnails
from project.blueprints.files.models import File
from project.blueprints.jobs.service import retry_job
from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import age_job, get_job, list_jobs

MAKE_THUMBNAILS = "files.make_thumbnails"
PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
RunJob = Callable[[str], UUID]


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user()


def upload(ada: Api, content: bytes = PICTURE) -> dict[str, Any]:
    file: dict[str, Any] = success(ada.upload(content, "picture.png"))
    return file


def state(ada: Api, file: dict[str, Any]) -> tuple[str, str]:
    metadata = success(ada.get(f"/files/{file['id']}"))
    return metadata["status"], metadata["thumbnails"]["status"]


def thumbnail(ada: Api, file: dict[str, Any]) -> bytes:
    response = ada.get(f"/files/{file['id']}/thumbnails/small")
    assert (response.status_code, response.mimetype) == (200, "image/webp")
    return response.data


def test_thumbnails_are_created_for_uploaded_picture(ada: Api, settings: Settings, run_newest_job: RunJob) -> None:
    file = upload(ada)
    assert state(ada, file) == ("stored", "pending")
    with separate_app_context(settings):
        assert get_job(run_newest_job(MAKE_THUMBNAILS)).status == "done"
    assert state(ada, file) == ("stored", "ready")
    assert thumbnail(ada, file)[8:12] == b"WEBP"


def test_thumbnails_are_identical_if_they_are_created_again(
    ada: Api, settings: Settings, run_newest_job: RunJob
) -> None:
    file = upload(ada)
    with separate_app_context(settings):
        run_newest_job(MAKE_THUMBNAILS)
        first = thumbnail(ada, file)
        with transaction() as connection:
            connection.execute(update(Job).values(status="queued"))
            connection.execute(update(File).values(thumbnails="pending", thumbnail_sizes=()))
        run_newest_job(MAKE_THUMBNAILS)
    assert thumbnail(ada, file) == first


@pytest.mark.parametrize("damage", [PICTURE[:2000], PICTURE[:50] + bytes(500) + PICTURE[550:]], ids=["cut", "altered"])
def test_damaged_picture_is_stored_without_thumbnails(
    ada: Api, settings: Settings, run_newest_job: RunJob, damage: bytes
) -> None:
    file = upload(ada, damage)
    with separate_app_context(settings):
        row = get_job(run_newest_job(MAKE_THUMBNAILS))
    assert (row.status, row.attempts) == ("done", 1)
    assert state(ada, file) == ("stored", "failed")
    assert ada.get(f"/files/{file['id']}/content").data == damage


def test_thumbnail_job_completes_if_file_is_no_longer_stored(
    ada: Api, settings: Settings, run_newest_job: RunJob
) -> None:
    upload(ada)
    with separate_app_context(settings):
        with transaction() as connection:
            connection.execute(update(File).values(status="pending"))
        assert get_job(run_newest_job(MAKE_THUMBNAILS)).status == "done"


def test_thumbnails_of_file_that_is_purged_while_they_are_rendered_are_deleted(
    ada: Api, settings: Settings, run_newest_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(ada)
    render = thumbnails.render

    def render_during_purge(*arguments: Any, **options: Any) -> dict[str, bytes]:
        with transaction() as connection:
            connection.execute(update(File).values(status="purging"))
        return render(*arguments, **options)

    monkeypatch.setattr(thumbnails, "render", render_during_purge)
    with separate_app_context(settings):
        assert get_job(run_newest_job(MAKE_THUMBNAILS)).status == "done"
    assert [path.name for path in objects(settings)] == ["original"]


def test_thumbnail_job_is_retried_if_storage_is_unavailable(
    ada: Api, settings: Settings, run_newest_job: RunJob
) -> None:
    file = upload(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "unavailable")
    with separate_app_context(settings):
        job_id = run_newest_job(MAKE_THUMBNAILS)
        assert (get_job(job_id).status, state(ada, file)) == ("queued", ("stored", "pending"))
        (settings.data_dir / "unavailable").rename(settings.data_dir / "files")
        age_job(job_id, 3600)
        run_newest_job(MAKE_THUMBNAILS)
    assert state(ada, file) == ("stored", "ready")


def test_thumbnails_are_marked_failed_if_storage_stays_unavailable(
    ada: Api, settings: Settings, run_newest_job: RunJob
) -> None:
    file = upload(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "unavailable")
    with separate_app_context(settings.model_copy(update={"job_max_attempts": 1})):
        assert get_job(run_newest_job(MAKE_THUMBNAILS)).status == "dead"
    assert state(ada, file) == ("stored", "failed")


def test_retrying_a_dead_job_creates_the_missing_thumbnails(
    ada: Api, settings: Settings, run_newest_job: RunJob
) -> None:
    file = upload(ada)
    (settings.data_dir / "files").rename(settings.data_dir / "unavailable")
    with separate_app_context(settings.model_copy(update={"job_max_attempts": 1})):
        job_id = run_newest_job(MAKE_THUMBNAILS)
    (settings.data_dir / "unavailable").rename(settings.data_dir / "files")
    assert state(ada, file) == ("stored", "failed")
    with separate_app_context(settings):
        retry_job(job_id)
        assert get_job(run_newest_job(MAKE_THUMBNAILS)).status == "done"
    assert state(ada, file) == ("stored", "ready")
    assert thumbnail(ada, file)[8:12] == b"WEBP"


def test_unfinished_upload_is_purged_after_timeout(ada: Api, settings: Settings) -> None:
    file = upload(ada)
    with separate_app_context(settings):
        for age in (settings.upload_timeout_seconds - 60, settings.upload_timeout_seconds + 60):
            assert len(objects(settings)) == 1
            with transaction() as connection:
                started_at = now() - timedelta(seconds=age)
                connection.execute(update(File).values(status="pending", updated_at=started_at))
            service.purge_files()
    assert objects(settings) == []
    assert ada.get(f"/files/{file['id']}").status_code == 404


def objects(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]


def test_no_thumbnail_job_is_enqueued_for_file_that_is_not_a_picture(ada: Api, settings: Settings) -> None:
    success(ada.upload(b"plain text", "notes.txt"))
    with separate_app_context(settings):
        assert list_jobs(MAKE_THUMBNAILS) == []
