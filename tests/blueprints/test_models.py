"""The tables of the blueprints, whichever of them is imported first."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A foreign key without a type of its own has none until its target is imported; statements built by then bind amiss.
CHECK = """
from importlib import import_module
from sqlalchemy.types import NullType
from project.infrastructure.columns import Base
import_module("project.blueprints.{}.models")
columns = [column for table in Base.metadata.tables.values() for column in table.c]
print([str(column) for column in columns if isinstance(column.type, NullType)])
"""


@pytest.mark.parametrize("blueprint", [path.parent.name for path in ROOT.glob("project/blueprints/*/models.py")])
def test_every_column_knows_its_type_at_once(blueprint: str) -> None:
    found = subprocess.run([sys.executable, "-c", CHECK.format(blueprint)], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == "[]\n", found.stderr
