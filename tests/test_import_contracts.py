"""Each wall in setup.cfg refuses what it is there for: a row plants one fault in a copy of the source."""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLUEPRINTS = "project/blueprints"
BILLING = f"{BLUEPRINTS}/billing"

# Two blueprints that nobody lists anywhere, with all that such a newcomer may do.
NEWCOMERS = {
    "billing/routes.py": "import flask, flask_smorest, project.http\nfrom . import policy, schemas, service",
    "billing/schemas.py": "import marshmallow, webargs\nfrom . import models, service",
    "billing/service.py": "from . import errors, jobs, models, policy, repository, tax\n"
    "from ..auth import errors as refusals, service as auth\nimport project.blueprints.files.service\n"
    "from project.blueprints.ledger import jobs as orders, service as ledger",
    "billing/policy.py": "from . import errors, models, tax",
    "billing/repository.py": "import sqlalchemy\nfrom . import models",
    "billing/tax.py": "from . import errors, models",
    "billing/models.py": "import sqlalchemy\nfrom project.infrastructure import database",
    "billing/errors.py": "import project.errors",
    "billing/jobs.py": "",
    "ledger/service.py": "import project.blueprints.auth.service",
    "ledger/jobs.py": "",
}

# What breaks, by id; the file; the line that goes into it.
FAULTS = [
    ("complete", f"{BLUEPRINTS}/stray/service.py", "import flask"),
    ("complete", f"{BLUEPRINTS}/billing/rates/eu.py", "import flask"),
    ("complete", "worker/stray/billing.py", "import flask_smorest"),
    ("entry-points", "project/infrastructure/planted.py", "import worker"),
    ("entry-points", "project/app.py", "from worker.app import app"),
    ("entry-points", f"{BILLING}/service.py", "import worker"),
    ("entry-points", "project/http/planted.py", "import wsgi"),
    ("entry-points", "worker/planted.py", "from wsgi import app"),
    ("entry-points", "project/app.py", "from tests import import_contracts"),
    ("rings", "project/utils.py", ""),
    ("rings http", "project/errors.py", "import project.http"),
    ("rings", "project/errors.py", "import project.config"),
    ("rings", "project/setting_types.py", "import project.config"),
    ("rings", "project/infrastructure/planted.py", "from project.blueprints.auth import errors"),
    ("rings", "project/http/planted.py", "from project.blueprints.auth import errors"),
    ("rings", "project/http/planted.py", "import project.cli"),
    ("rings", f"{BILLING}/service.py", "import project.cli"),
    ("rings", "project/cli/__init__.py", "from project.app import create_app"),
    ("inside-a-blueprint", f"{BILLING}/service.py", "from project.blueprints.billing import routes"),
    ("inside-a-blueprint", f"{BILLING}/service.py", "from project.blueprints.billing import schemas"),
    ("inside-a-blueprint", f"{BILLING}/routes.py", "from project.blueprints.billing import repository"),
    ("inside-a-blueprint", f"{BILLING}/policy.py", "from project.blueprints.billing import repository"),
    ("inside-a-blueprint", f"{BILLING}/policy.py", "from project.blueprints.auth import service"),
    ("inside-a-blueprint", f"{BILLING}/models.py", "from project.blueprints.billing import policy"),
    ("inside-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import repository"),
    ("inside-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import service"),
    ("inside-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import schemas"),
    ("inside-a-blueprint", "worker/planted.py", "from project.blueprints.billing import repository"),
    ("inside-a-blueprint", "worker/planted.py", "from project.blueprints.billing import models"),
    ("inside-a-blueprint", "project/cli/__init__.py", "from project.blueprints.billing import models"),
    ("errors-and-jobs", f"{BILLING}/errors.py", "from project.blueprints.billing import models"),
    ("errors-and-jobs", f"{BILLING}/jobs.py", "from project.blueprints.billing import errors"),
    ("neighbours", f"{BILLING}/service.py", "import project.blueprints.auth"),
    ("neighbours", f"{BILLING}/service.py", "from project.blueprints.auth import models"),
    ("neighbours", f"{BILLING}/routes.py", "from project.blueprints.auth import passwords"),
    ("neighbours", f"{BILLING}/tax.py", "def late():\n    from project.blueprints.auth.models import User"),
    ("neighbours", f"{BLUEPRINTS}/auth/planted.py", "from project.blueprints.organizations import errors"),
    ("neighbours", f"{BLUEPRINTS}/organizations/planted.py", "from project.blueprints.files import errors"),
    ("neighbours", f"{BLUEPRINTS}/files/planted.py", "from project.blueprints.invitations import errors"),
    ("neighbours", f"{BLUEPRINTS}/invitations/planted.py", "from project.blueprints.files import errors"),
    ("neighbours", f"{BLUEPRINTS}/files/planted.py", "from project.blueprints.ledger import jobs"),
    ("neighbours", f"{BLUEPRINTS}/ledger/service.py", "from project.blueprints.billing import service"),
    ("http", f"{BILLING}/service.py", "import flask"),
    ("http", f"{BILLING}/policy.py", "from flask import request"),
    ("http", f"{BILLING}/repository.py", "import flask.globals"),
    ("http", f"{BILLING}/models.py", "import marshmallow"),
    ("http", f"{BILLING}/errors.py", "import project.http"),
    ("http", f"{BILLING}/tax.py", "import webargs"),
    ("http", f"{BILLING}/__init__.py", "from flask_smorest import Blueprint"),
    ("http", f"{BLUEPRINTS}/auth/planted.py", "from project.http import problems"),
    ("http", "project/errors.py", "import flask"),
    ("http", "project/infrastructure/planted.py", "import flask_smorest"),
    ("http", "project/infrastructure/planted.py", "import marshmallow"),
    ("http", "worker/planted.py", "import project.http"),
    ("http", "worker/planted.py", "import flask_smorest"),
    ("libraries", "project/infrastructure/planted.py", "import gunicorn"),
    ("libraries", "project/http/planted.py", "import limits"),
    ("libraries", f"{BILLING}/service.py", "from redis import Redis"),
    ("libraries", "worker/planted.py", "from prometheus_client import Counter"),
    ("libraries", "project/infrastructure/planted.py", "import prometheus_client"),
    ("libraries", f"{BILLING}/service.py", "import minio"),
    ("libraries", "project/infrastructure/planted.py", "from minio import Minio"),
    ("libraries", "project/infrastructure/planted.py", "import celery"),
    ("libraries", f"{BILLING}/jobs.py", "from kombu import Connection"),
    ("libraries", f"{BILLING}/routes.py", "import flask_jwt_extended"),
    ("libraries", "project/infrastructure/planted.py", "import jwt"),
    ("libraries", f"{BILLING}/service.py", "from sqlalchemy import select"),
    ("libraries", f"{BILLING}/tax.py", "import sqlalchemy.orm"),
    ("libraries", f"{BILLING}/service.py", "import flask_sqlalchemy"),
    ("libraries", "project/http/planted.py", "import sqlalchemy"),
    ("libraries", "worker/planted.py", "import sqlalchemy"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The real source, newcomers included."""
    for source in [*ROOT.glob("project/**/*.py"), *ROOT.glob("worker/**/*.py"), ROOT / "tests/import_contracts.py"]:
        write(tmp_path / source.relative_to(ROOT), source.read_text())
    write(tmp_path / "setup.cfg", (ROOT / "setup.cfg").read_text())
    for name, text in NEWCOMERS.items():
        write(tmp_path / BLUEPRINTS / name, text)
        (tmp_path / BLUEPRINTS / name).with_name("__init__.py").touch()
    return tmp_path


def write(file: Path, text: str) -> int:
    """Append `text`; say which line it ends on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as stream:
        stream.write(f"{text}\n")
        stream.seek(0)
        return len(stream.readlines())


def lint(root: Path) -> str:
    """What import-linter prints, wide enough to keep a breach on one line."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = os.environ | {"COLUMNS": "300"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True).stdout


def name_of(contract: str) -> str:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config[f"importlinter:contract:{contract}"]["name"]


def test_the_source_and_a_lawful_newcomer_stand_inside_the_walls(copy: Path) -> None:
    printed = lint(copy)
    assert " 0 broken." in printed, printed


@pytest.mark.parametrize(("contracts", "file", "line"), FAULTS)
def test_a_fault_breaks_its_contract_and_is_named(copy: Path, contracts: str, file: str, line: str) -> None:
    number = write(copy / file, line)
    printed = lint(copy)
    broken = {line.removesuffix(" BROKEN") for line in printed.splitlines() if line.endswith(" BROKEN")}
    assert broken == {name_of(contract) for contract in contracts.split()}, printed
    module = ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")
    places = (f"{file}:{number} ", f"{file}: ", f"{module} -> ", f"- {module}")
    assert any(place in printed for place in places), printed
