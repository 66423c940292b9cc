"""Organization roles: `owner` includes the permissions of `admin`, which includes those of `member`."""

from project.blueprints.organizations.models import Role
from project.errors import PermissionDenied

ROLES: tuple[Role, ...] = ("member", "admin", "owner")


def has_role(held: Role, required: Role) -> bool:
    """Return whether the role `held` includes the role `required`."""
    return ROLES.index(held) >= ROLES.index(required)


def ensure_role(held: Role, required: Role) -> None:
    """Raise PermissionDenied unless the role `held` includes the role `required`."""
    if not has_role(held, required):
        raise PermissionDenied(f"This requires the `{required}` role.")
