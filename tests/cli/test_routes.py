"""The `flask route-table` command and docs/routes.md."""

from flask import Flask

from project.cli.routes import ROUTES, routes_markdown


def table(app: Flask) -> list[str]:
    result = app.test_cli_runner().invoke(args=["route-table"])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def row(app: Flask, start: str) -> str:
    [matching] = [line for line in table(app) if line.startswith(start)]
    return matching


def test_committed_route_table_is_current(idle_app: Flask) -> None:
    assert ROUTES.read_text() == routes_markdown(idle_app), "run: ./bin/flask route-table --write"


def test_table_shows_access_and_whether_idempotency_keys_are_accepted(idle_app: Flask) -> None:
    found = row(idle_app, "POST   /api/v1/organizations/{organization_id}/invitations ")
    assert found.split()[2:] == ["member(admin)", "key:", "yes"]


def test_table_shows_exemptions_with_reasons(idle_app: Flask) -> None:
    found = row(idle_app, "POST   /api/v1/auth/login ")
    assert "idempotency (response contains tokens and is never stored)" in found


def test_table_includes_pages_but_omits_automatic_head_and_options_methods(idle_app: Flask) -> None:
    rows = [line.split()[:2] for line in table(idle_app)]
    assert ["GET", "/problems/{code}"] in rows
    assert not {"HEAD", "OPTIONS"} & {method for method, _ in rows}


def test_markdown_table_contains_only_api_routes(idle_app: Flask) -> None:
    lines = routes_markdown(idle_app).splitlines()
    assert "| GET | `/api/v1/files` | `user` | no |" in lines
    assert not any("/problems" in line for line in lines)
