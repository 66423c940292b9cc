"""Commands for operators and developers, as subcommands of `flask --app wsgi`."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    # Import the commands here. `./bin/run` imports this package first, and cannot handle Ctrl-C until its imports
    # are done, so they must be quick.
    from project.cli.config import config
    from project.cli.jobs import jobs
    from project.cli.openapi import openapi
    from project.cli.routes import route_table

    for command in (config, jobs, openapi, route_table):
        app.cli.add_command(command)
