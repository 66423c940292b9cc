"""Commands that create the first admin, and list, disable and enable users."""

import sys
from datetime import UTC
from typing import Any

import click

from project.blueprints.auth import service
from project.cli.group import Group
from project.http.fields import Email, Password, Text
from project.http.requests.schemas import Body
from project.infrastructure.database.pagination import PageRequest


class Member(click.ParamType[str]):
    """Validates a value like a member of a request body."""

    def __init__(self, name: str, field: Any) -> None:
        self.name = name
        self._schema = Body.from_dict({"value": field})()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the normalized value. Fails if `value` is not valid."""
        errors = self._schema.validate({"value": value})
        if errors:
            self.fail(" ".join(errors["value"]), param, ctx)
        return str(self._schema.load({"value": value})["value"])


_EMAIL = Member("email", Email())
_PASSWORD = Member("password", Password())

users = Group("users", help="Create the first admin; list, disable and enable users.")


@users.command("create-admin")
@click.option("--email", type=_EMAIL, required=True, help="Email address of the admin. It counts as verified.")
@click.option("--display-name", type=Member("name", Text(100)), help="Defaults to the local part of the address.")
@click.option("--promote", is_flag=True, help="Promote and enable an existing account. Its password stays the same.")
def create_admin(email: str, display_name: str | None, promote: bool) -> None:
    """Create an account with the admin role.

    The password is asked for without echo or, if standard input is not a terminal, read from its first line.
    """
    if promote and display_name:
        raise click.UsageError("Pass either --display-name or --promote.")
    if promote:
        admin = service.update_access(_get(email).id, actor_id=None, versions=None, role="admin", status="active")
        click.echo(f"{admin.email} is now an admin (id {admin.id}).")
        return
    if existing := service.find_user_by_email(email):
        raise click.ClickException(f"An account exists: {_line(existing)}. To make it an admin, pass --promote.")
    admin = service.create_admin(email=email, password=_read_password(), display_name=display_name)
    click.echo(f"Created the admin {admin.email} (id {admin.id}).")


@users.command("list")
@click.option("--email", type=_EMAIL, help="List only the user with this email address.")
@click.option("--role", type=click.Choice(["user", "admin"]), help="List only users with this role.")
@click.option("--status", type=click.Choice(["active", "disabled"]), help="List only users with this status.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Maximum number of users.")
def list_users(limit: int, **filters: Any) -> None:
    """List users, newest first."""
    page = service.list_profiles(PageRequest(limit), **filters)
    lines = [_line(user) for user in page.items] or ["No users."]
    if page.next_after is not None:
        lines.append(f"Only the newest {limit} users are shown; there are more (see --limit).")
    click.echo("\n".join(lines))


@users.command("disable")
@click.argument("email", type=_EMAIL)
def disable(email: str) -> None:
    """Disable an account and end all of its sessions."""
    service.update_access(_get(email).id, actor_id=None, versions=None, status="disabled")
    click.echo(f"{email} is disabled, and all of its sessions have ended.")


@users.command("enable")
@click.argument("email", type=_EMAIL)
def enable(email: str) -> None:
    """Enable a disabled account. Its user must log in again."""
    service.update_access(_get(email).id, actor_id=None, versions=None, status="active")
    click.echo(f"{email} is enabled.")


def _get(email: str) -> service.UserRow:
    user = service.find_user_by_email(email)
    if user is None:
        raise click.ClickException(f"No account has the email address {email}.")
    return user


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, type=_PASSWORD))
    line = sys.stdin.buffer.readline().decode(errors="surrogateescape").rstrip("\r\n")
    if not line:
        raise click.UsageError("Standard input is empty. It must contain the password.")
    return _PASSWORD.convert(line, None, None)


def _line(user: service.ProfileRow) -> str:
    verified = "verified" if user.email_verified else "unverified"
    created_at = f"{user.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return f"{user.id}  {created_at}  {user.role:5}  {user.status:8}  {verified:10}  {user.email}  {user.display_name}"
