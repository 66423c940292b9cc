"""Showing what a process would run with."""

import click
from flask.cli import AppGroup

from project.config import Settings, current_settings

config = AppGroup("config", help="Look at the settings.")


@config.command("check")
def check() -> None:
    """Print every setting; those that hold a secret only say whether they are set."""
    settings = current_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = value if field.repr else "(set)" if value else "(not set)"
        click.echo(f"{name.upper():24} {shown}")
