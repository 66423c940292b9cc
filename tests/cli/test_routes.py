"""The table of routes."""

from flask import Flask

from project.cli.routes import ARCHITECTURE, with_routes


def table(app: Flask, *arguments: str) -> list[str]:
    done = app.test_cli_runner().invoke(args=["route-table", *arguments])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_architecture_is_in_step_with_the_routes(idle_app: Flask) -> None:
    written = ARCHITECTURE.read_text()
    command = "run: APP_ENV=development .venv/bin/flask --app wsgi route-table --update"
    assert written == with_routes(written, idle_app), command


def test_table_says_who_may_call_a_route_and_whether_it_takes_a_key(idle_app: Flask) -> None:
    [row] = [
        row for row in table(idle_app) if row.startswith("POST   /api/v1/organizations/{organization_id}/invitations ")
    ]
    assert row.split()[2:] == ["member(admin)", "key:", "yes"]


def test_table_gives_the_reasons_of_excuses(idle_app: Flask) -> None:
    [row] = [row for row in table(idle_app) if row.startswith("POST   /api/v1/auth/login ")]
    assert "takes no `Idempotency-Key`: Its answer holds tokens, which are not kept." in row


def test_table_has_pages_but_no_automatic_methods(idle_app: Flask) -> None:
    rows = [row.split()[:2] for row in table(idle_app)]
    assert ["GET", "/problems/{code}"] in rows
    assert not {"HEAD", "OPTIONS"} & {method for method, _ in rows}


def test_markdown_is_of_the_api_alone(idle_app: Flask) -> None:
    lines = table(idle_app, "--markdown")
    assert "| GET | `/api/v1/files` | `user` | no |" in lines
    assert not any("/problems" in line for line in lines)


def test_only_what_stands_between_the_marks_is_written_anew(idle_app: Flask) -> None:
    written = with_routes("Before.\n<!-- routes -->\nold\n<!-- /routes -->\nAfter.\n", idle_app)
    assert written.startswith("Before.\n<!-- routes -->\n| method |")
    assert written.endswith(".\n<!-- /routes -->\nAfter.\n")
