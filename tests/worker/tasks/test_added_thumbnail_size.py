"""A thumbnail size added by a new release is rendered for existing images in the background, and not listed before."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, update

from project.blueprints.files import service
from project.blueprints.files.models import File
from project.blueprints.files.thumbnails import SIZES
from project.config import Settings
from project.infrastructure.clock import now
from project.infrastructure.database import db, read, transaction
from project.infrastructure.jobs import Job
from tests.kit.clients.api import Api, problem, success
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import dead_job, get_job, list_jobs
from tests.kit.fixtures.query_plans import record_plans
from tests.kit.fixtures.users import add_user

ADD, MAKE = "files.add_thumbnails", "files.make_thumbnails"
PICTURE = Path(__file__).parents[2].joinpath("data", "photos", "coffee.png").read_bytes()
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
*OLD_SIZES, NEW_SIZE = SIZES
RunJob = Callable[[str], UUID]
# PostgreSQL makes a custom plan for each of the first five executions and may then switch to a generic plan.
EXECUTIONS = 7


@pytest.fixture
def ada(api: Api) -> Api:
    return api.as_new_user()


@pytest.fixture
def old_image(ada: Api, settings: Settings, run_newest_job: RunJob) -> str:
    """The path of an image from an earlier release, which lacked NEW_SIZE."""
    path = f"/files/{success(ada.upload(PICTURE, 'coffee.png'))['id']}"
    with separate_app_context(settings):
        run_newest_job(MAKE)
        change_files(thumbnail_sizes=OLD_SIZES)
    objects(settings)[NEW_SIZE].unlink()
    return path


def change_files(*conditions: Any, **values: Any) -> None:
    with transaction() as connection:
        connection.execute(update(File).where(*conditions).values(values))


def objects(settings: Settings) -> dict[str, Path]:
    """Return the paths of the stored objects by the last part of their keys."""
    return {path.name: path for path in (settings.data_dir / "files").rglob("*") if path.is_file()}


def thumbnails(ada: Api, path: str) -> tuple[dict[str, Any], list[int]]:
    """Return the thumbnails that a file's metadata describes, and the statuses of downloading two of them."""
    downloads = [ada.get(f"{path}/thumbnails/{size}").status_code for size in (OLD_SIZES[0], NEW_SIZE)]
    return success(ada.get(path))["thumbnails"], downloads


def pending_files() -> int:
    with read() as connection:
        return len(connection.scalars(select(File.id).where(File.thumbnails == "pending")).all())


@ON_SQLITE
def test_size_that_an_image_lacks_is_neither_listed_nor_found(ada: Api, old_image: str) -> None:
    assert thumbnails(ada, old_image) == ({"status": "ready", "sizes": OLD_SIZES}, [200, 404])
    assert (
        "no thumbnail of this size"
        in problem(ada.get(f"{old_image}/thumbnails/{NEW_SIZE}"), 404, "not-found")["detail"]
    )


def test_only_the_missing_size_is_rendered(
    ada: Api, settings: Settings, old_image: str, run_newest_job: RunJob
) -> None:
    before, rendered_at = success(ada.get(old_image)), objects(settings)[OLD_SIZES[0]].stat().st_mtime_ns
    with separate_app_context(settings):
        service.add_thumbnails()
        assert thumbnails(ada, old_image) == ({"status": "ready", "sizes": OLD_SIZES}, [200, 404])
        assert get_job(run_newest_job(MAKE)).status == "done"
    after = success(ada.get(old_image))
    assert after == before | {"thumbnails": {"status": "ready", "sizes": list(SIZES)}}
    assert thumbnails(ada, old_image)[1] == [200, 200]
    assert objects(settings)[OLD_SIZES[0]].stat().st_mtime_ns == rendered_at


def test_jobs_are_enqueued_until_a_limited_number_is_active(
    ada: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("project.blueprints.files.service.thumbnails._MAX_ACTIVE_JOBS", 2)
    ids = [UUID(success(ada.upload())["id"]) for _ in range(7)]
    with separate_app_context(settings):
        change_files(thumbnails="ready", thumbnail_sizes=[NEW_SIZE])
        change_files(File.id == ids[3], thumbnail_sizes=list(SIZES))
        change_files(File.id == ids[4], thumbnail_sizes=[*SIZES, "removed"])
        change_files(File.id == ids[5], status="trashed")
        change_files(File.id == ids[6], thumbnails="failed")
        counts = []
        for _ in range(3):
            for _ in range(2):
                service.add_thumbnails()
                counts.append(len(list_jobs(MAKE)))
            with transaction() as connection:
                connection.execute(update(Job).values(status="done"))
        assert counts == [2, 2, 3, 3, 3, 3]
        assert {UUID(job.arguments["file_id"]) for job in list_jobs(MAKE)} == set(ids[:3])


@ON_SQLITE
def test_only_active_thumbnail_jobs_count_toward_the_limit(
    ada: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        ada.upload()
    with separate_app_context(settings):
        change_files(thumbnails="ready", thumbnail_sizes=OLD_SIZES)
        existing = {dead_job(MAKE)}
        for limit in (1, 1, 0):
            monkeypatch.setattr("project.blueprints.files.service.thumbnails._MAX_ACTIVE_JOBS", limit)
            service.add_thumbnails()
            assert len({job.id for job in list_jobs(MAKE)} - existing) == 1


@ON_SQLITE
def test_image_that_can_no_longer_be_rendered_keeps_its_thumbnails_and_is_not_retried(
    ada: Api, settings: Settings, old_image: str, run_newest_job: RunJob
) -> None:
    objects(settings)["original"].write_bytes(PICTURE[:2000])
    with separate_app_context(settings):
        service.add_thumbnails()
        assert get_job(run_newest_job(MAKE)).status == "done"
        service.add_thumbnails()
        assert (len(list_jobs(MAKE)), pending_files()) == (2, 0)
    assert thumbnails(ada, old_image) == ({"status": "ready", "sizes": OLD_SIZES}, [200, 404])


@ON_SQLITE
def test_purge_deletes_thumbnails_of_a_size_that_was_removed(settings: Settings, old_image: str) -> None:
    objects(settings)[OLD_SIZES[0]].with_name("huge").write_bytes(b"image")
    with separate_app_context(settings):
        change_files(status="trashed", thumbnail_sizes=["huge", *OLD_SIZES], updated_at=now() - timedelta(days=365))
        service.purge_files()
    assert objects(settings) == {}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_search_for_incomplete_images_does_not_read_complete_ones(settings: Settings, app: Flask) -> None:
    with app.app_context():
        owner_id = add_user().id
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(MANY_IMAGES, [owner_id, ",".join(sorted(SIZES))])
        connection.execute("VACUUM ANALYZE files")
    with separate_app_context(settings), record_plans(db.engine) as plans:
        for _ in range(EXECUTIONS):
            service.add_thumbnails()
    assert {max(plan.rows_read) for plan in plans} == {0}


MANY_IMAGES = """
INSERT INTO files (id, owner_id, storage_key, status, filename, content_type, size, sha256, thumbnails,
                   thumbnail_sizes, created_at, updated_at)
SELECT gen_random_uuid(), %s, n, 'stored', 'name', 'image/png', 1, '', 'ready', %s, now(), now()
FROM generate_series(1, 20000) AS n
"""
