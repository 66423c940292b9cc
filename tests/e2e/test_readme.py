"""The commands in the README work as written, and the tour prints the output that the README shows."""

import os
import re
import subprocess
from pathlib import Path

from tests.kit.deployment.local_run import local_instance

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_tour_prints_the_output_shown_in_the_readme(tmp_path: Path) -> None:
    tour = _section("A five-minute tour")
    with local_instance(tmp_path) as url:
        result = _run(_localized("".join(block for shell, block in _BLOCK.findall(tour) if shell), url, tmp_path))
    expected = [
        _localized(line, url, tmp_path) for shell, block in _BLOCK.findall(tour) if not shell for line in block.split()
    ]
    assert _matches(" ".join(expected), " ".join(result.stdout.split())), result.stdout


def test_flask_commands_in_the_readme_succeed(tmp_path: Path) -> None:
    commands = re.findall(r"^\./bin/flask .*$", _section("Next steps"), re.MULTILINE)
    assert len(commands) > 2
    _run("\n".join(["./bin/flask db upgrade", *commands]), DATA_DIR=str(tmp_path))


def _section(title: str) -> str:
    return (ROOT / "README.md").read_text().split(f"## {title}")[1].split("\n## ")[0]


def _run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **environment}
    result = subprocess.run(["bash", "-e"], input=script, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert result.returncode == 0, result.stderr
    return result


def _localized(text: str, url: str, folder: Path) -> str:
    """Return the text with the URL of the instance, and with a download path inside `folder`."""
    return text.replace("http://localhost:8000", url).replace("-o small.webp", f"-o {folder}/small.webp")


def _matches(expected: str, printed: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, expected.split("…"))), printed) is not None
