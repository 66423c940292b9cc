"""Reads the base commit: the one at which the current branch diverged from the main branch."""

import os
import shutil
import subprocess
from pathlib import Path

from click import ClickException

# Git sets these variables while it runs a hook. They select a repository regardless of the current folder.
_OVERRIDES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE")


def base_text(path: Path) -> str:
    """Return the content of a file in the base commit. Returns an empty text if that commit does not contain the file.

    Outside a Git repository, or without Git, returns the current content.
    """
    folder = path.parent.resolve()
    if shutil.which("git") is None or not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return path.read_text() if path.exists() else ""
    if not run_git(folder, "rev-parse", "--verify", "--quiet", "HEAD"):  # no commits
        return ""
    commit = base_commit(folder)
    exists = run_git(folder, "ls-tree", commit, "--", path.name)
    return run_git(folder, "show", f"{commit}:./{path.name}") if exists else ""


def base_commit(folder: Path) -> str:
    """Return the commit at which the branch diverged from `origin/main` or `main`, or `HEAD` if neither exists."""
    for branch in ("origin/main", "main"):
        exists = run_git(folder, "rev-parse", "--verify", "--quiet", branch)
        if exists and (commit := run_git(folder, "merge-base", "HEAD", branch)):
            return commit.strip()
    return "HEAD"


def run_git(folder: Path, *arguments: str) -> str:
    """Run a Git command in the repository of `folder` and return its output, which is empty if it finds nothing.

    Raises ClickException if the command fails.
    """
    # The repository may belong to another user, for example in a container.
    command = [shutil.which("git") or "git", "-c", "safe.directory=*", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in _OVERRIDES}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode not in (0, 1):  # 1 if it finds nothing
        raise ClickException(f"`git {' '.join(arguments)}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout
