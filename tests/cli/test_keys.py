"""The `flask keys` commands, which print the settings for each step of a key rotation."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from project.config import Settings
from project.http.auth.signing_keys import SigningKeys
from project.setting_types import pem_text

ROOT = Path(__file__).parents[2]
OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
Run = Callable[..., Result]


def kid(key: Ed25519PrivateKey) -> str:
    return SigningKeys((key,), "").signing_kid


def kids(jwt_keys: str) -> list[str]:
    """Return the ids of the keys in a value of JWT_KEYS."""
    return list(map(kid, Settings(app_env="development", jwt_keys=jwt_keys).jwt_keys))  # type: ignore[arg-type]


@pytest.fixture
def run(idle_app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A function that runs a `flask keys` command with some keys in the environment, and checks its exit code."""
    monkeypatch.setenv("APP_ENV", "development")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def run(*arguments: str, keys: tuple[Ed25519PrivateKey, ...], signing: str = "", exit_code: int = 0) -> Result:
        monkeypatch.setenv("JWT_KEYS", pem_text(keys))
        monkeypatch.setenv("JWT_SIGNING_KEY", signing)
        result = idle_app.test_cli_runner().invoke(args=["keys", *arguments])
        assert result.exit_code == exit_code, result.output
        return result

    return run


def test_operator_rotates_keys_by_evaluating_the_output_of_each_command(tmp_path: Path) -> None:
    script = """
        for step in add promote retire; do
            eval "export $(./bin/flask keys $step)"
            echo "$JWT_KEYS"; echo "$JWT_SIGNING_KEY"
        done
    """
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "JWT_KEYS": pem_text([OLD])}
    command = ["bash", "-e", "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    added, unset, also_added, promoted, retired, also_promoted = done.stdout.splitlines()
    old, new = kids(added)
    assert (old, unset, also_added) == (kid(OLD), "", added)
    assert (kids(retired), promoted, also_promoted) == ([new], new, new)
    assert "PRIVATE" not in done.stderr


def test_list_shows_which_key_signs(run: Run) -> None:
    listed = run("list", keys=(OLD, NEW), signing=kid(NEW)).stdout.splitlines()
    assert listed == [f"{kid(OLD)}  verifies", f"{kid(NEW)}  signs and verifies"]


def test_add_keeps_the_signing_key(run: Run) -> None:
    result = run("add", keys=(OLD, NEW), signing=kid(NEW))
    assert "JWT_SIGNING_KEY" not in result.stdout
    assert result.stdout.startswith("JWT_KEYS='" + pem_text([OLD, NEW]).strip().replace("\n", "\\n") + "\\n-----BEGIN")


def test_each_step_states_how_long_to_wait(run: Run) -> None:
    assert "at least 300 s" in run("add", keys=(OLD,)).stderr
    assert "at least 630 s" in run("promote", keys=(OLD, NEW)).stderr


def test_promote_prints_only_the_id_of_the_newest_key(run: Run) -> None:
    assert run("promote", keys=(OLD, NEW)).stdout == f"JWT_SIGNING_KEY={kid(NEW)}\n"


def test_promote_fails_without_another_key(run: Run) -> None:
    assert "already the signing key" in run("promote", keys=(OLD,), exit_code=1).stderr


def test_retire_removes_the_oldest_key(run: Run) -> None:
    result = run("retire", keys=(OLD, NEW), signing=kid(NEW))
    assert result.stdout == "JWT_KEYS='" + pem_text([NEW]).strip().replace("\n", "\\n") + "'\n"


@pytest.mark.parametrize("arguments", [[], [kid(OLD)]], ids=["oldest", "by-id"])
def test_retire_fails_while_the_key_signs(run: Run, arguments: list[str]) -> None:
    result = run("retire", *arguments, keys=(OLD, NEW), exit_code=1)
    assert (result.stdout, "is the signing key" in result.stderr) == ("", True)


def test_promote_and_retire_accept_a_key_id(run: Run) -> None:
    keys = (OLD, NEW, Ed25519PrivateKey.generate())
    assert run("promote", kid(NEW), keys=keys).stdout == f"JWT_SIGNING_KEY={kid(NEW)}\n"
    assert run("retire", kid(NEW), keys=(OLD, NEW)).stdout == run("retire", keys=(NEW, OLD), signing=kid(OLD)).stdout


@pytest.mark.parametrize("command", ["promote", "retire"])
def test_unknown_key_id_is_rejected_even_if_it_begins_with_a_hyphen(run: Run, command: str) -> None:
    assert "JWT_KEYS has no key -x" in run(command, "-x", keys=(OLD, NEW), exit_code=1).stderr


@pytest.mark.parametrize("command", ["list", "add", "promote", "retire"])
def test_commands_fail_without_keys_in_the_environment(run: Run, command: str) -> None:
    assert "JWT_KEYS is not set" in run(command, keys=(), exit_code=1).stderr
