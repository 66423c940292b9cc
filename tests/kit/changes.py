"""What differs from the main branch: the changed files, and the OpenAPI document before the change."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def changed_files() -> set[str]:
    """Return the paths of files that have changed since `base_commit()`, including untracked files."""
    tracked = _git("diff", "--name-only", base_commit())
    return {*tracked.splitlines(), *_git("ls-files", "--others", "--exclude-standard").splitlines()}


def changed_blueprints() -> set[str]:
    """Return the names of the blueprints whose modules, tasks or tests have changed."""
    folders = ("project/blueprints/", "tests/blueprints/", "worker/tasks/")
    below = [file.removeprefix(folder) for file in changed_files() for folder in folders if file.startswith(folder)]
    return {path.split("/")[0].removesuffix(".py") for path in below}


def base_document() -> dict[str, Any]:
    """Return the OpenAPI document as it was at `base_commit()`."""
    document: dict[str, Any] = json.loads(_git("show", f"{base_commit()}:docs/openapi.json"))
    return document


def base_commit() -> str:
    """Return the commit at which the branch diverged from `origin/main` or `main`, or `HEAD` if neither exists."""
    for branch in ("origin/main", "main"):
        command = ["git", "merge-base", "HEAD", branch]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return "HEAD"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
