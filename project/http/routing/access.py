"""Who may call a route: declared with the route, judged before anything else, closed by default."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Access:
    """What a route asks of its caller."""

    kind: Literal["public", "user", "admin", "member", "development", "scraper"]
    role: str = ""

    def __str__(self) -> str:
        return f"{self.kind}({self.role})" if self.role else self.kind


public = Access("public")
user = Access("user")
admin = Access("admin")
development = Access("development")
scraper = Access("scraper")


def member(role: str = "member") -> Access:
    """At least `role` in the organization that the path names as `organization_id`; to others it does not exist."""
    return Access("member", role)
