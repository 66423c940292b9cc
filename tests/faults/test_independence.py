"""Fault tests treat a deployment as a black box: neither the tests nor their test kit imports the project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("project", "worker", "wsgi")))
"""


def test_fault_tests_do_not_import_the_project() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in Path(__file__).parent.rglob("*.py")]
    command = [sys.executable, "-c", _PROGRAM, *names]
    imported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert imported.split() == []
