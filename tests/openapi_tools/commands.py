"""Running the judges: programs beside this Python, and programs of the Node.js packages here."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NODE_BIN = HERE / "node_modules" / ".bin"
PYTHON_BIN = Path(sys.executable).parent
# None of them is to speak to anybody but the server.
_SILENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def verdict(program: Path, *arguments: str | Path, folder: Path, **environment: str) -> str:
    """What the judge printed, which must have been content; it runs in `folder`."""
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | _SILENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{program.name} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout
