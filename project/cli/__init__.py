"""Commands for operators and developers, as subcommands of `flask --app wsgi`."""

import os

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the commands with `flask`."""
    # Import the commands here, not at the top: `./bin/run` imports this package first, and cannot handle Ctrl-C until
    # its imports have finished, so they must be fast.
    from project.cli.config import config
    from project.cli.jobs import jobs
    from project.cli.keys import keys
    from project.cli.openapi import openapi
    from project.cli.routes import route_table
    from project.cli.users import users

    for command in (config, jobs, keys, openapi, route_table, users):
        app.cli.add_command(command)

    if os.environ.get("FLASK_RUN_FROM_CLI"):  # set by `flask`: web processes and workers do not need Alembic
        from flask_migrate import Migrate

        from project.infrastructure.database import db

        Migrate(app, db)
