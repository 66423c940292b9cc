"""Operator commands: `flask --app wsgi …`."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    # Not sooner: `./bin/run` stands in this package, and hears Ctrl-C only when all imports are done.
    from project.cli.config import config
    from project.cli.jobs import jobs
    from project.cli.openapi import openapi
    from project.cli.routes import route_table

    for command in (config, jobs, openapi, route_table):
        app.cli.add_command(command)
