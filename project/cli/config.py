"""Commands that print the current settings and write the table of settings, docs/settings.md."""

from pathlib import Path

import click
from flask.cli import AppGroup
from pydantic.fields import FieldInfo

from project.config import Settings, current_settings, environment_name

SETTINGS = Path(__file__).parents[2] / "docs" / "settings.md"

config = AppGroup("config", help="Show and document settings.")


@config.command("check")
def check() -> None:
    """Print every setting. For secrets, print only whether they are set."""
    settings = current_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = value if field.repr else "(set)" if value else "(not set)"
        click.echo(f"{environment_name(name, field):26} {shown}")


@config.command("write")
def write() -> None:
    """Write docs/settings.md."""
    SETTINGS.write_text(settings_table())


def settings_table() -> str:
    """Return the text of docs/settings.md: every setting with its default and meaning."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join([_HEAD, *rows, ""])


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{environment_name(name, field)}` | {_default(field)} | {field.description} |"


def _default(field: FieldInfo) -> str:
    shown = _formatted(field.default)
    return f"`{shown}`" if shown else ""


def _formatted(value: object) -> str:
    """Return a value in the format of its environment variable."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


_HEAD = """\
# Settings

Settings are read from environment variables only. If a value is invalid, the process exits at startup and prints one
line per mistake. Durations are in seconds, sizes in bytes. With `APP_ENV=development` (set by `./bin/run` and
`./bin/flask`), backend URLs default to the local backends in `DATA_DIR`, and missing secrets are generated there once.
In production, `PUBLIC_URL`, `DATABASE_URL`, `BROKER_URL`, `STORAGE_URL`, `MAIL_URL`, `SECRET_KEY` and `JWT_KEYS` are
required.

Written by `./bin/flask config write`.

| variable | default | meaning |
|---|---|---|"""
