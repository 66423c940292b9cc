"""Every column in the tables of a blueprint has a type, regardless of import order."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A foreign key column without an explicit type has `NullType` until the module that defines its
# target table is imported. Statements compiled before then bind values with the wrong type.
# Each blueprint is imported in a separate child process.
SCRIPT = """
import os
from importlib import import_module
from pathlib import Path
from sqlalchemy.types import NullType
from project.infrastructure.database.models import Base
for path in Path("project/blueprints").glob("*/models.py"):
    if os.fork():
        os.wait()
        continue
    import_module(f"project.blueprints.{path.parent.name}.models")
    columns = [column for table in Base.metadata.tables.values() for column in table.c]
    print(path.parent.name, [str(column) for column in columns if isinstance(column.type, NullType)], flush=True)
    os._exit(0)
"""


def test_columns_have_types_even_if_no_other_blueprint_is_imported() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    blueprints = [path.parent.name for path in ROOT.glob("project/blueprints/*/models.py")]
    assert sorted(result.stdout.splitlines()) == sorted(f"{name} []" for name in blueprints), result.stderr
