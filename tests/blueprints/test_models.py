"""Every column in the tables of a blueprint has a type, regardless of import order."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A foreign key column without an explicit type has `NullType` until the module that defines its
# target table is imported. Statements compiled before then bind values with the wrong type.
SCRIPT = """
from importlib import import_module
from sqlalchemy.types import NullType
from project.infrastructure.database.models import Base
import_module("project.blueprints.{}.models")
columns = [column for table in Base.metadata.tables.values() for column in table.c]
print([str(column) for column in columns if isinstance(column.type, NullType)])
"""


@pytest.mark.parametrize("blueprint", [path.parent.name for path in ROOT.glob("project/blueprints/*/models.py")])
def test_columns_have_types_even_if_no_other_blueprint_is_imported(blueprint: str) -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT.format(blueprint)], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr
