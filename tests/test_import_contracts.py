"""Each import contract in setup.cfg detects violations that are seeded in a copy of the source code."""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLUEPRINTS = "project/blueprints"
BILLING = f"{BLUEPRINTS}/billing"

# Two blueprints that are not listed in any contract, with every kind of import that a new blueprint may contain.
NEW_BLUEPRINTS = {
    "billing/routes.py": "import flask, flask_smorest, project.http\nfrom . import policy, schemas, service",
    "billing/schemas.py": "import marshmallow, webargs\nfrom . import models, service",
    "billing/service.py": "from . import errors, jobs, models, policy, repository, tax\n"
    "from ..auth import errors as auth_errors, service as auth\nimport project.blueprints.files.service\n"
    "from project.blueprints.ledger import jobs as ledger_jobs, service as ledger",
    "billing/policy.py": "from . import errors, models, tax",
    "billing/repository.py": "import sqlalchemy\nfrom . import models",
    "billing/tax.py": "from . import errors, models",
    "billing/models.py": "import sqlalchemy\nfrom project.infrastructure import database",
    "billing/errors.py": "import project.errors",
    "billing/jobs.py": "",
    "ledger/service.py": "import project.blueprints.auth.service",
    "ledger/jobs.py": "",
}

# For each violation: the IDs of the contracts that it breaks, the file, and the line to add to the file.
_VIOLATIONS = [
    ("complete", f"{BLUEPRINTS}/stray/service.py", "import flask"),
    ("complete", f"{BLUEPRINTS}/billing/rates/eu.py", "import flask"),
    ("complete", "worker/stray/billing.py", "import flask_smorest"),
    ("entry-points", "project/infrastructure/seeded.py", "import worker"),
    ("entry-points", "project/app.py", "from worker.app import app"),
    ("entry-points", f"{BILLING}/service.py", "import worker"),
    ("entry-points", "project/http/seeded.py", "import wsgi"),
    ("entry-points", "worker/seeded.py", "from wsgi import app"),
    ("entry-points", "project/app.py", "from tests import import_contracts"),
    ("layers", "project/unlisted.py", ""),
    ("layers http", "project/errors.py", "import project.http"),
    ("layers", "project/errors.py", "import project.config"),
    ("layers", "project/setting_types.py", "import project.config"),
    ("layers", "project/infrastructure/seeded.py", "from project.blueprints.auth import errors"),
    ("layers", "project/http/seeded.py", "from project.blueprints.auth import errors"),
    ("layers", "project/http/seeded.py", "import project.cli"),
    ("layers", f"{BILLING}/service.py", "import project.cli"),
    ("layers", "project/cli/__init__.py", "from project.app import create_app"),
    ("within-a-blueprint", f"{BILLING}/service.py", "from project.blueprints.billing import routes"),
    ("within-a-blueprint", f"{BILLING}/service.py", "from project.blueprints.billing import schemas"),
    ("within-a-blueprint", f"{BILLING}/routes.py", "from project.blueprints.billing import repository"),
    ("within-a-blueprint", f"{BILLING}/policy.py", "from project.blueprints.billing import repository"),
    ("within-a-blueprint", f"{BILLING}/policy.py", "from project.blueprints.auth import service"),
    ("within-a-blueprint", f"{BILLING}/models.py", "from project.blueprints.billing import policy"),
    ("within-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import repository"),
    ("within-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import service"),
    ("within-a-blueprint", f"{BILLING}/tax.py", "from project.blueprints.billing import schemas"),
    ("within-a-blueprint", "worker/seeded.py", "from project.blueprints.billing import repository"),
    ("within-a-blueprint", "worker/seeded.py", "from project.blueprints.billing import models"),
    ("within-a-blueprint", "project/cli/__init__.py", "from project.blueprints.billing import models"),
    ("errors-and-jobs", f"{BILLING}/errors.py", "from project.blueprints.billing import models"),
    ("errors-and-jobs", f"{BILLING}/jobs.py", "from project.blueprints.billing import errors"),
    ("siblings", f"{BILLING}/service.py", "import project.blueprints.auth"),
    ("siblings", f"{BILLING}/service.py", "from project.blueprints.auth import models"),
    ("siblings", f"{BILLING}/routes.py", "from project.blueprints.auth import passwords"),
    ("siblings", f"{BILLING}/tax.py", "def late():\n    from project.blueprints.auth.models import User"),
    ("siblings", f"{BLUEPRINTS}/auth/seeded.py", "from project.blueprints.organizations import errors"),
    ("siblings", f"{BLUEPRINTS}/organizations/seeded.py", "from project.blueprints.files import errors"),
    ("siblings", f"{BLUEPRINTS}/files/seeded.py", "from project.blueprints.invitations import errors"),
    ("siblings", f"{BLUEPRINTS}/invitations/seeded.py", "from project.blueprints.files import errors"),
    ("siblings", f"{BLUEPRINTS}/files/seeded.py", "from project.blueprints.ledger import jobs"),
    ("siblings", f"{BLUEPRINTS}/ledger/service.py", "from project.blueprints.billing import service"),
    ("http", f"{BILLING}/service.py", "import flask"),
    ("http", f"{BILLING}/policy.py", "from flask import request"),
    ("http", f"{BILLING}/repository.py", "import flask.globals"),
    ("http", f"{BILLING}/models.py", "import marshmallow"),
    ("http", f"{BILLING}/errors.py", "import project.http"),
    ("http", f"{BILLING}/tax.py", "import webargs"),
    ("http", f"{BILLING}/__init__.py", "from flask_smorest import Blueprint"),
    ("http", f"{BLUEPRINTS}/auth/seeded.py", "from project.http.responses import problems"),
    ("http", "project/errors.py", "import flask"),
    ("http", "project/infrastructure/seeded.py", "import flask_smorest"),
    ("http", "project/infrastructure/seeded.py", "import marshmallow"),
    ("http", "worker/seeded.py", "import project.http"),
    ("http", "worker/seeded.py", "import flask_smorest"),
    ("libraries", "project/infrastructure/seeded.py", "import gunicorn"),
    ("libraries", "project/http/seeded.py", "import limits"),
    ("libraries", "project/http/seeded.py", "from itsdangerous import Signer"),
    ("libraries", f"{BILLING}/service.py", "from redis import Redis"),
    ("libraries", "worker/seeded.py", "from prometheus_client import Counter"),
    ("libraries", "project/infrastructure/seeded.py", "import prometheus_client"),
    ("libraries", f"{BILLING}/service.py", "import minio"),
    ("libraries", "project/infrastructure/seeded.py", "from minio import Minio"),
    ("libraries", "project/infrastructure/seeded.py", "import celery"),
    ("libraries", f"{BILLING}/jobs.py", "from kombu import Connection"),
    ("libraries", f"{BILLING}/routes.py", "import flask_jwt_extended"),
    ("libraries", "project/infrastructure/seeded.py", "import jwt"),
    ("libraries", f"{BILLING}/service.py", "from sqlalchemy import select"),
    ("libraries", f"{BILLING}/tax.py", "import sqlalchemy.orm"),
    ("libraries", f"{BILLING}/service.py", "import flask_sqlalchemy"),
    ("libraries", "project/http/seeded.py", "import sqlalchemy"),
    ("libraries", "worker/seeded.py", "import sqlalchemy"),
]
# Only --full tests more than one violation of a contract.
_FIRST = {contracts: (contracts, *violation) for contracts, *violation in reversed(_VIOLATIONS)}.values()
VIOLATIONS = [pytest.param(*each, marks=() if each in _FIRST else pytest.mark.full) for each in _VIOLATIONS]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the source code, with two new blueprints."""
    for source in [*ROOT.glob("project/**/*.py"), *ROOT.glob("worker/**/*.py"), ROOT / "tests/import_contracts.py"]:
        write(tmp_path / source.relative_to(ROOT), source.read_text())
    write(tmp_path / "setup.cfg", (ROOT / "setup.cfg").read_text())
    for name, text in NEW_BLUEPRINTS.items():
        write(tmp_path / BLUEPRINTS / name, text)
        (tmp_path / BLUEPRINTS / name).with_name("__init__.py").touch()
    return tmp_path


def write(file: Path, text: str) -> int:
    """Append `text` to `file` and return the number of lines in the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as stream:
        stream.write(f"{text}\n")
        stream.seek(0)
        return len(stream.readlines())


def lint(root: Path) -> str:
    """Run import-linter and return its output, which is wide enough to keep each violation on one line."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = os.environ | {"COLUMNS": "300"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True).stdout


def name_of(contract: str) -> str:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config[f"importlinter:contract:{contract}"]["name"]


def test_source_code_with_new_blueprints_breaks_no_contract(copy: Path) -> None:
    output = lint(copy)
    assert " 0 broken." in output, output


@pytest.mark.parametrize(("contracts", "file", "line"), VIOLATIONS)
def test_violation_breaks_the_expected_contracts_and_is_reported_with_its_location(
    copy: Path, contracts: str, file: str, line: str
) -> None:
    number = write(copy / file, line)
    output = lint(copy)
    broken = {line.removesuffix(" BROKEN") for line in output.splitlines() if line.endswith(" BROKEN")}
    assert broken == {name_of(contract) for contract in contracts.split()}, output
    module = ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")
    places = (f"{file}:{number} ", f"{file}: ", f"{module} -> ", f"- {module}")
    assert any(place in output for place in places), output
