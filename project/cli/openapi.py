"""The command that writes the committed API document, docs/openapi.json."""

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from project.cli.contract import DOCS, violations, write_contract
from project.http.openapi import api_document

openapi = AppGroup("openapi", help="Write the API document.")


@openapi.command("write")
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=DOCS, hidden=True)
def write(folder: Path) -> None:
    """Write docs/openapi.json. Fails if a change breaks clients, unless docs/openapi-exceptions.json allows it."""
    document = api_document(current_app)
    if reasons := violations(document, folder):
        click.echo("\n".join(reasons), err=True)
        sys.exit(1)
    write_contract(document, folder)
