"""What differs from the main branch: the changed files, and the OpenAPI document before the change."""

import json
from pathlib import Path
from typing import Any

from project.cli.git import base_commit, base_text, run_git

ROOT = Path(__file__).parents[2]


def changed_files() -> set[str]:
    """Return the paths of files that have changed since `base_commit()`, including untracked files."""
    tracked = run_git(ROOT, "diff", "--name-only", base_commit(ROOT))
    return {*tracked.splitlines(), *run_git(ROOT, "ls-files", "--others", "--exclude-standard").splitlines()}


def changed_blueprints() -> set[str]:
    """Return the names of the blueprints whose modules, tasks or tests have changed."""
    folders = ("project/blueprints/", "tests/blueprints/", "worker/tasks/")
    below = [file.removeprefix(folder) for file in changed_files() for folder in folders if file.startswith(folder)]
    return {path.split("/")[0].removesuffix(".py") for path in below}


def base_document() -> dict[str, Any]:
    """Return the OpenAPI document as it was at `base_commit()`."""
    document: dict[str, Any] = json.loads(base_text(ROOT / "docs/openapi.json"))
    return document
