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
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
# The requirements of levels 1 and 2 that docs/security.md must list.
REQUIREMENTS = {
    "6.1": (1, 2, 3),
    "6.2": (1, 2, 3, 4, 5, 8, 9, 10, 11, 12),
    "6.3": (1, 2, 3, 4),
    "6.4": (1, 2, 3),
    "6.5": (1, 2, 3, 5),
    "6.6": (2, 3),
    "6.8": (2,),
    "7.1": (1, 2),
    "7.2": (1, 2, 3, 4),
    "7.3": (1, 2),
    "7.4": (1, 2, 3, 5),
    "7.5": (1, 2),
    "8.1": (1, 2),
    "8.2": (1, 2, 3),
    "8.3": (1,),
    "8.4": (1,),
    "9.1": (1, 2, 3),
    "9.2": (1, 2, 3, 4),
}
_WITHOUT_TEST = ("Not applicable: ", "Deviation: ")
_EXAMPLES = ("tests/blueprints/<name>", "worker/tasks/notes.py", "project/blueprints/notes")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_in_documents_exist(document: Path) -> None:
    text = document.read_text()
    missing = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    for name in _PATH.findall(text):
        if not any((base / name).exists() for base in (ROOT, ROOT / "project")) and not name.startswith(_EXAMPLES):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_named_in_documents_exist(document: Path) -> None:
    missing = [
        f"{file}::{function}"
        for file, function in _TEST.findall(document.read_text())
        if function and not re.search(rf"^def {function}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert missing == []


def test_each_security_requirement_is_listed_once_with_a_proof() -> None:
    text = (ROOT / "docs/security.md").read_text()
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([123]) \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    listed = [number for number, level, _ in rows if level != "3"]
    assert listed == [f"{section}.{number}" for section, numbers in REQUIREMENTS.items() for number in numbers]
    assert len({number for number, _, _ in rows}) == len(rows)
    unproved = [number for number, _, proof in rows if not _TEST.search(proof) and not proof.startswith(_WITHOUT_TEST)]
    assert unproved == []


def test_each_deviation_from_a_security_requirement_is_explained_once() -> None:
    table, deviations = (ROOT / "docs/security.md").read_text().split("\n## Deviations\n")
    deviating = re.findall(r"^\| (\S+) \| [123] \| [^|]+ \| Deviation: ", table, re.MULTILINE)
    assert deviating == re.findall(r"^\| (\d\S+) \| [^|]+ \| [^|]+ \|$", deviations, re.MULTILINE)


def test_agents_file_is_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text().split()) <= 700


def test_architecture_document_is_short() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 150
