"""Roles in an organization: owner > admin > member."""

from project.errors import PermissionDenied

ROLES = ("member", "admin", "owner")


def has_role(held: str, needed: str) -> bool:
    """Whether who holds the role `held` may do what takes `needed`."""
    return ROLES.index(held) >= ROLES.index(needed)


def ensure_role(held: str, needed: str) -> None:
    """Raises PermissionDenied."""
    if not has_role(held, needed):
        raise PermissionDenied(f"This requires the role `{needed}`.")
