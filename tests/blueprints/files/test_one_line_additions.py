"""Adding a thumbnail size or a file type takes one line. The test adds the lines to a copy of the project."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from shutil import copytree
from uuid import UUID

import pytest
from flask import Flask
from PIL import Image

from project.blueprints.files import service
from project.blueprints.files.thumbnails import SIZES
from project.config import Settings
from tests.kit.clients.api import Api, problem, success

ROOT = Path(__file__).parents[3]
PICTURE = (ROOT / "tests" / "data" / "photos" / "coffee.png").read_bytes()
ADDED_LINES = {
    "thumbnails.py": ("SIZES = {\n", '    "extra": 512,\n'),
    "file_types.py": (
        "FILE_TYPES = (\n",
        '    FileType("image/bmp", rb"BM.{4}\\0\\0\\0\\0", image_format="BMP", is_inline=True),\n',
    ),
}


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A folder with a copy of the project in which each file in ADDED_LINES has one more line."""
    folder = tmp_path / "next-release"
    copytree(ROOT / "project", folder / "project")
    for name, (before, line) in ADDED_LINES.items():
        file = folder / "project" / "blueprints" / "files" / name
        source = file.read_text()
        assert source.count(before) == 1
        file.write_text(source.replace(before, before + line))
    return folder


def bitmap() -> bytes:
    """Return the picture in a format that this release does not support."""
    file = BytesIO()
    Image.open(BytesIO(PICTURE)).save(file, "BMP")
    return file.getvalue()


@pytest.mark.full
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_added_size_is_rendered_for_new_and_existing_images_and_added_type_is_accepted(
    app: Flask, api: Api, settings: Settings, next_release: Path
) -> None:
    ada = api.as_new_user()
    existing = success(ada.upload(PICTURE, "coffee.png"))["id"]
    problem(ada.upload(bitmap(), "new.bmp"), 415, "file-type-not-allowed")
    with app.app_context():
        service.make_thumbnails(UUID(existing))
    environment = os.environ | {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", NEXT_RELEASE, json.dumps(ada.tokens), existing]
    result = subprocess.run(command, cwd=next_release, env=environment, input=bitmap(), capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    all_sizes, extra = {"status": "ready", "sizes": ["extra", *SIZES]}, [200, [512, 341]]
    assert json.loads(result.stdout.splitlines()[-1]) == [
        [{"status": "ready", "sizes": list(SIZES)}, [404, None]],
        [all_sizes, extra],
        [{"status": "pending", "sizes": []}, [404, None]],
        [all_sizes, extra],
        "image/bmp",
        "inline; filename=new.bmp",
    ]


NEXT_RELEASE = """
import json, sys
from io import BytesIO
from uuid import UUID
from PIL import Image
from project.app import create_app
from project.blueprints.files import service
from project.config import Settings
from tests.kit.clients.api import Api
from tests.kit.fixtures.jobs import list_jobs

app = create_app(Settings.load())
ada = Api(app.test_client(), json.loads(sys.argv[1]))

def state(file_id):
    response = ada.get(f"/files/{file_id}/thumbnails/extra")
    size = Image.open(BytesIO(response.data)).size if response.status_code == 200 else None
    return ada.get(f"/files/{file_id}").json["thumbnails"], [response.status_code, size]

def run_jobs():
    with app.app_context():
        for job in list_jobs("files.make_thumbnails"):
            service.make_thumbnails(UUID(job.arguments["file_id"]))

states = [state(sys.argv[2])]
with app.app_context():
    service.add_thumbnails()
run_jobs()
states.append(state(sys.argv[2]))
bitmap = ada.upload(sys.stdin.buffer.read(), "new.bmp").json
new = bitmap["id"]
states.append(state(new))
run_jobs()
disposition = ada.get(f"/files/{new}/content?disposition=inline").headers["Content-Disposition"]
print(json.dumps([*states, state(new), bitmap["content_type"], disposition]))
"""
