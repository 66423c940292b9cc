"""Showing what a process would run with, and writing the table of settings."""

import click
from flask.cli import AppGroup
from pydantic.fields import FieldInfo

from project.config import Settings, current_settings, environment_name

config = AppGroup("config", help="Look at the settings.")


@config.command("check")
def check() -> None:
    """Print every setting; those that hold a secret only say whether they are set."""
    settings = current_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = value if field.repr else "(set)" if value else "(not set)"
        click.echo(f"{environment_name(name, field):26} {shown}")


@config.command("table")
def table() -> None:
    """Print docs/settings.md."""
    click.echo(settings_table(), nl=False)


def settings_table() -> str:
    """Every setting with its default and meaning, in Markdown."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join([_HEAD, *rows, ""])


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{environment_name(name, field)}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    shown = _written(field.default)
    return f"`{shown}`" if shown else ""


def _written(value: object) -> str:
    """A value as an environment variable holds it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


_HEAD = """\
# Settings

Environment variables only; a bad value stops the start with one clear line for each mistake. Durations are in seconds,
sizes in bytes. `APP_ENV=development` (which `./bin/run` sets) fills in whatever has no default: embedded parts in
`DATA_DIR`, and secrets made once and kept there. In production `PUBLIC_URL`, the other `…_URL`s without a default and
both secrets are required.

Written by `flask --app wsgi config table > docs/settings.md`.

| variable | default | meaning |
|---|---|---|"""
