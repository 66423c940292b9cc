"""Operator commands: `flask --app wsgi …`."""

from flask import Flask

from project.cli.config import config


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    app.cli.add_command(config)
