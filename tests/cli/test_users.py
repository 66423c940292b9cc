"""The `flask users` commands."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from project.config import Settings
from tests.kit.clients.api import NEW_PASSWORD, PASSWORD, Api, problem, success

ROOT = Path(__file__).parents[2]
ADA = "ada@example.com"
Run = Callable[..., Result]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run(app: Flask) -> Run:
    """A function that runs a `flask users` command and checks its exit code."""

    def run(*arguments: str, stdin: str | bytes = "", exit_code: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=["users", *arguments], input=stdin)
        assert result.exit_code == exit_code, result.output
        return result

    return run


def create_admin(run: Run, email: str = ADA, *options: str) -> Result:
    return run("create-admin", "--email", email, *options, stdin=f"{PASSWORD}\n")


def log_in(api: Api, email: str = ADA, password: str = PASSWORD) -> Api:
    user = Api(api.client, success(api.post("/auth/login", {"email": email, "password": password})))
    return Api(api.client, user.tokens, success(user.get("/auth/me")))


def test_created_admin_can_log_in_and_has_a_verified_address(run: Run, api: Api) -> None:
    result = create_admin(run, ADA, "--display-name", "Ada Lovelace")
    ada = log_in(api)
    assert result.stdout == f"Created the admin {ADA} (id {ada.user['id']}).\n"
    assert {name: ada.user[name] for name in ("role", "email_verified", "display_name")} == {
        "role": "admin",
        "email_verified": True,
        "display_name": "Ada Lovelace",
    }
    assert ada.get("/users").status_code == 200


def test_created_admin_is_recorded_in_the_audit_trail_without_an_actor(run: Run, api: Api) -> None:
    create_admin(run)
    ada = log_in(api)
    _login, *entries = success(ada.get("/audit"))["items"]
    assert [entry["action"] for entry in entries] == ["users.grant_admin", "auth.register"]
    assert {(entry["actor"], entry["ip_address"], entry["target"]["id"]) for entry in entries} == {
        (None, None, ada.user["id"])
    }


def test_existing_account_is_described_but_not_changed(run: Run, api: Api) -> None:
    user = api.register("Ada@example.com")
    result = run("create-admin", "--email", ADA, stdin=f"{NEW_PASSWORD}\n", exit_code=1)
    [line] = result.stderr.splitlines()
    assert all(part in line for part in (user["id"], "Ada@example.com", "unverified", "--promote"))
    assert log_in(api).user["role"] == "user"


def test_promote_enables_an_account_and_keeps_its_password(run: Run, api: Api) -> None:
    api.register(ADA)
    run("disable", ADA)
    run("create-admin", "--email", "ADA@example.com", "--promote")
    assert log_in(api).get("/users").status_code == 200


def test_promote_creates_no_account(run: Run) -> None:
    result = run("create-admin", "--email", ADA, "--promote", stdin=f"{PASSWORD}\n", exit_code=1)
    assert result.stderr == f"Error: No account has the email address {ADA}.\n"
    assert run("list").stdout == "No users.\n"


@pytest.mark.parametrize(
    ("options", "stdin", "message"),
    [
        (["--email", "ada"], PASSWORD, "Not a valid email address."),
        (["--email", ADA, "--display-name", "A\x07da"], PASSWORD, "control characters"),
        (["--email", ADA, "--display-name", "Ada", "--promote"], "", "either --display-name or --promote"),
        (["--email", ADA], "", "Standard input is empty."),
        (["--email", ADA], b"\xff", "Must be valid Unicode."),
    ],
)
def test_invalid_values_are_rejected(run: Run, options: list[str], stdin: str | bytes, message: str) -> None:
    assert message in run("create-admin", *options, stdin=stdin, exit_code=2).stderr
    assert run("list").stdout == "No users.\n"


def test_weak_password_is_rejected_with_its_reason(run: Run) -> None:
    result = run("create-admin", "--email", ADA, stdin="short\n", exit_code=1)
    assert result.stderr == "Error: Must have 12 to 128 characters.\n"
    assert run("list").stdout == "No users.\n"


def test_list_filters_users_and_applies_the_limit(run: Run, api: Api) -> None:
    create_admin(run)
    for name in ("bob", "eve"):
        api.register(f"{name}@example.com")
    run("disable", "eve@example.com")

    def listed(*options: str) -> list[str]:
        return [line.split()[6] for line in run("list", *options).stdout.splitlines() if "@" in line]

    assert listed() == ["eve@example.com", "bob@example.com", ADA]
    assert listed("--role", "admin") == listed("--email", "ADA@example.com") == [ADA]
    assert listed("--status", "disabled") == listed("--limit", "1") == ["eve@example.com"]
    assert "there are more" in run("list", "--limit", "2").stdout
    assert "there are more" not in run("list", "--limit", "3").stdout


def test_disable_ends_sessions_and_enable_allows_logins(run: Run, api: Api) -> None:
    ada = api.as_new_user(ADA)
    assert run("disable", ADA).stdout == f"{ADA} is disabled, and all of its sessions have ended.\n"
    problem(ada.get("/auth/me"), 401, "token-revoked")
    assert run("enable", ADA).stdout == f"{ADA} is enabled.\n"
    assert log_in(api).get("/auth/me").status_code == 200


def test_last_admin_cannot_be_disabled(run: Run, api: Api) -> None:
    create_admin(run)
    assert run("disable", ADA, exit_code=1).stderr.startswith("Error: This user is the last active admin")
    assert log_in(api).get("/users").status_code == 200


def test_password_is_read_from_a_terminal_without_echo(settings: Settings, api: Api) -> None:
    terminal, stdin = pty.openpty()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "users", "create-admin", "--email", ADA]
    environment = {"APP_ENV": "development", "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=stdin, stdout=stdin, stderr=stdin, start_new_session=True
    ) as process:
        os.close(stdin)
        output = b""
        for prompt in (b"Password: ", b"Repeat for confirmation: "):
            while not output.endswith(prompt):
                output += os.read(terminal, 1000)
            os.write(terminal, f"{PASSWORD}\n".encode())
        assert process.wait(60) == 0
    output += os.read(terminal, 1000)
    os.close(terminal)
    assert PASSWORD.encode() not in output
    assert log_in(api).user["role"] == "admin"
