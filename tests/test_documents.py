"""Documents are short, and the files that they refer to exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_NAMES = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split()
DOCUMENTS = [ROOT / name for name in _NAMES if (ROOT / name).exists()]
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_PATH = re.compile(r"`((?:bin|docs|migrations|project|tests|worker|infrastructure|http)/[\w./-]*\w/?)`")
# The documents use these paths as examples of files and folders that a developer adds.
_EXAMPLES = ("tests/blueprints/<name>", "worker/tasks/notes.py", "project/blueprints/notes")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_in_documents_exist(document: Path) -> None:
    text = document.read_text()
    missing = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    for name in _PATH.findall(text):
        if not any((base / name).exists() for base in (ROOT, ROOT / "project")) and not name.startswith(_EXAMPLES):
            missing.append(name)
    assert missing == []


def test_agents_file_is_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text().split()) <= 700


def test_architecture_document_is_short() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150
