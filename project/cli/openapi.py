"""Writing the API document that is committed, unless that would break its clients."""

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from project.cli.contract import DOCS, objections, write_contract
from project.http.openapi import api_document

openapi = AppGroup("openapi", help="The API document that is committed.")


@openapi.command("write")
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=DOCS, hidden=True)
def write(folder: Path) -> None:
    """Write docs/openapi.json; refuse changes that break clients, but for those in docs/openapi-exceptions.json."""
    document = api_document(current_app)
    if reasons := objections(document, folder):
        click.echo("\n".join(reasons), err=True)
        sys.exit(1)
    write_contract(document, folder)
