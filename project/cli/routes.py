"""Showing which routes there are: who may call each, and what of the contract it is excused from."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from project.http.openapi import api_document
from project.http.openapi.operations import METHODS, operations
from project.http.routing.rule import EXEMPTIONS, ContractRule

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
_BEGIN, _END = "<!-- routes -->\n", "<!-- /routes -->"


class Route(NamedTuple):
    """One method of a rule."""

    path: str
    method: str
    rule: ContractRule

    @property
    def is_keyed(self) -> bool:
        return self.method == "POST" and self.rule.is_keyed

    @property
    def exempt(self) -> list[str]:
        return [f"{EXEMPTIONS[part]}: {reason}" for part, reason in self.rule.exempt.items()]


# Flask has a `routes` of its own, and asks nobody before it takes that.
@click.command("route-table")
@click.option("--markdown", is_flag=True, help="Print the routes of the API as they stand in ARCHITECTURE.md.")
@click.option("--update", is_flag=True, help="Write them into ARCHITECTURE.md.")
@with_appcontext
def route_table(markdown: bool, update: bool) -> None:
    """Print each route, who may call it, whether it takes an idempotency key, and what it is excused from."""
    if update:
        ARCHITECTURE.write_text(with_routes(ARCHITECTURE.read_text(), current_app))
    elif markdown:
        click.echo(routes_markdown(current_app), nl=False)
    else:
        click.echo("\n".join(_lines(_routes(current_app))))


def api_routes(app: Flask) -> list[Route]:
    """The routes of the API document, by path."""
    found = operations(api_document(app), app)
    return _sorted(Route(one.rule.template, one.method, one.rule) for one in found)


def routes_markdown(app: Flask) -> str:
    """The routes of the API document as a table, and their excuses as a list, in Markdown."""
    routes = api_routes(app)
    rows = [f"| {route.method} | `{route.path}` | `{route.rule.access}` | {_yes(route)} |" for route in routes]
    exempt = [f"- {route.method} `{route.path}` {excuse}" for route in routes for excuse in route.exempt]
    head = ["| method | path | access | idempotency key |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, "", "Excuses from the contract:", "", *exempt, ""])


def with_routes(text: str, app: Flask) -> str:
    """`text`, which is ARCHITECTURE.md, with its routes written anew between the two marks."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{routes_markdown(app)}{_END}{rest.partition(_END)[2]}"


def _routes(app: Flask) -> list[Route]:
    rules = [rule for rule in app.url_map.iter_rules() if isinstance(rule, ContractRule)]
    return _sorted(Route(rule.template, method, rule) for rule in rules for method in rule.methods or ())


def _sorted(routes: Iterable[Route]) -> list[Route]:
    shown = [route for route in routes if route.method in METHODS]
    return sorted(shown, key=lambda route: (route.path, METHODS.index(route.method)))


def _lines(routes: list[Route]) -> Iterable[str]:
    width = max(len(route.path) for route in routes)
    for route in routes:
        line = f"{route.method:7}{route.path:{width}}  {route.rule.access!s:16}key: {_yes(route):5}"
        yield (line + " ".join(route.exempt)).rstrip()


def _yes(route: Route) -> str:
    return "yes" if route.is_keyed else "no"
