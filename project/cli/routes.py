"""The command that prints the table of routes, or writes it to docs/routes.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from project.http.openapi import api_document
from project.http.openapi.operations import METHODS, operations
from project.http.routing.rule import ContractRule

ROUTES = Path(__file__).parents[2] / "docs" / "routes.md"
_HEAD = """\
# Routes

The routes of the API and who may call them. `member(role)` requires at least that role in the organization that the
path names. Written by `./bin/flask route-table --write`.

| method | path | access | idempotency key |
|---|---|---|---|"""
_EXEMPTIONS = """\
## Exemptions

Every route follows all conventions of the API, with these exemptions.

| method | path | exempt from | reason |
|---|---|---|---|"""


class Route(NamedTuple):
    """One method of a URL rule."""

    path: str
    method: str
    rule: ContractRule

    @property
    def key(self) -> str:
        """Whether the route accepts an idempotency key: `yes` or `no`."""
        return "yes" if self.method == "POST" and self.rule.is_keyed else "no"


# The name is not `routes`, because Flask's built-in command of that name would take precedence.
@click.command("route-table")
@click.option("--write", is_flag=True, help="Write the routes of the API to docs/routes.md instead.")
@with_appcontext
def route_table(write: bool) -> None:
    """Print every route with its access, idempotency key support and exemptions."""
    if write:
        ROUTES.write_text(routes_markdown(current_app))
    else:
        click.echo("\n".join(_lines(_routes(current_app))))


def api_routes(app: Flask) -> list[Route]:
    """Return the routes in the API document, sorted by path."""
    found = operations(api_document(app), app)
    return _sorted(Route(operation.rule.template, operation.method, operation.rule) for operation in found)


def routes_markdown(app: Flask) -> str:
    """Return the text of docs/routes.md: the routes in the API document, and their exemptions."""
    routes = api_routes(app)
    rows = [f"| {route.method} | `{route.path}` | `{route.rule.access}` | {route.key} |" for route in routes]
    exemptions = [
        f"| {route.method} | `{route.path}` | {part} | {reason} |"
        for route in routes
        for part, reason in route.rule.exempt.items()
    ]
    return "\n".join([_HEAD, *rows, "", _EXEMPTIONS, *exemptions, ""])


def _routes(app: Flask) -> list[Route]:
    rules = [rule for rule in app.url_map.iter_rules() if isinstance(rule, ContractRule)]
    return _sorted(Route(rule.template, method, rule) for rule in rules for method in rule.methods or ())


def _sorted(routes: Iterable[Route]) -> list[Route]:
    shown = [route for route in routes if route.method in METHODS]
    return sorted(shown, key=lambda route: (route.path, METHODS.index(route.method)))


def _lines(routes: list[Route]) -> Iterable[str]:
    width = max(len(route.path) for route in routes)
    for route in routes:
        parts = ", ".join(f"{part} ({reason})" for part, reason in route.rule.exempt.items())
        exempt = f"exempt: {parts}" if parts else ""
        yield f"{route.method:7}{route.path:{width}}  {route.rule.access!s:16}key: {route.key:5}{exempt}".rstrip()
