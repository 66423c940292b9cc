"""The command group of the commands that call services."""

from typing import Any

import click
from flask.cli import AppGroup

from project.errors import Error


class Group(AppGroup):
    """A command group that reports this project's errors on one line and exits with status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises ClickException in place of this project's errors."""
        try:
            return super().invoke(ctx)
        except Error as error:
            # If a dependency is unavailable, or the database has no tables, only the cause shows what to fix.
            cause = str(error.__cause__ or "").partition("\n")[0]
            raise click.ClickException(f"{_detail(error)} Cause: {cause}" if cause else _detail(error)) from error


def _detail(error: Error) -> str:
    """Return the detail of an error or, if there are any, those of the invalid values."""
    return " ".join(invalid["detail"] for invalid in error.members.get("errors", ())) or error.detail
