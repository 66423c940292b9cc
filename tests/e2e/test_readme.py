"""The tour in the README, typed into a shell: it must print what the README says."""

import os
import re
import subprocess
from pathlib import Path

from tests.kit.deployment.local_run import local_instance

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_tour_prints_what_the_readme_says(tmp_path: Path) -> None:
    tour = (ROOT / "README.md").read_text().split("## A tour")[1].split("\n## ")[0]
    with local_instance(tmp_path) as url:
        script = _here("".join(code for shell, code in _BLOCK.findall(tour) if shell), url, tmp_path)
        run = subprocess.run(["bash", "-e"], input=script, capture_output=True, text=True, cwd=ROOT, env=_clean())
    assert run.returncode == 0, run.stderr
    expected = [
        _here(line, url, tmp_path) for shell, text in _BLOCK.findall(tour) if not shell for line in text.split()
    ]
    assert _matches(" ".join(expected), " ".join(run.stdout.split())), run.stdout


def _here(text: str, url: str, folder: Path) -> str:
    return text.replace("http://localhost:8000", url).replace("-o small.webp", f"-o {folder}/small.webp")


def _matches(expected: str, printed: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, expected.split("…"))), printed) is not None


def _clean() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}
