"""Runs the tools: programs in the Python environment, and executables from the Node.js packages in this folder."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE_BIN = HERE / "node_modules" / ".bin"
PYTHON_BIN = Path(sys.executable).parent
# The tools must not connect to anything but the server under test.
_NO_TELEMETRY = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def run_tool(program: Path, *arguments: str | Path, folder: Path, **environment: str) -> str:
    """Run a tool in `folder` and return its output. Fails unless its exit status is 0."""
    result = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | _NO_TELEMETRY | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{program.name} exited with status {result.returncode}:\n{result.stdout}"
    return result.stdout
