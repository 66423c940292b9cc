"""Who may call a route. Declared with the route, and checked before its view runs. No route is public by default."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Access:
    """What a route requires of its caller."""

    kind: Literal["public", "user", "every-user", "admin", "member", "development", "scraper"]
    role: str = ""

    def __str__(self) -> str:
        return f"{self.kind}({self.role})" if self.role else self.kind


public = Access("public")
# Any logged-in user may call the route. The service must return 404 for resources that the user may not access.
user = Access("user")
# Any logged-in user may call the route and access all of its resources.
every_user = Access("every-user")
admin = Access("admin")
development = Access("development")
scraper = Access("scraper")


def member(role: str = "member") -> Access:
    """Require at least `role` in the organization given by `organization_id` in the path. Non-members receive 404."""
    return Access("member", role)
