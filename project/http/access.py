"""Who may call a route: declared with the route, judged before anything else, closed by default."""

from dataclasses import dataclass
from typing import Any, Literal

from werkzeug.routing import Rule


@dataclass(frozen=True)
class Access:
    """What a route asks of its caller."""

    kind: Literal["public", "user", "admin", "member", "development"]
    role: str = ""

    def __str__(self) -> str:
        return f"{self.kind}({self.role})" if self.role else self.kind


public = Access("public")
user = Access("user")
admin = Access("admin")
development = Access("development")


def member(role: str = "member") -> Access:
    """At least `role` in the organization that the path names as `organization_id`; to others it does not exist."""
    return Access("member", role)


class AccessRule(Rule):
    """A URL rule that says who may call it, and whether it answers in JSON."""

    provide_automatic_options: bool  # set by Flask

    def __init__(self, string: str, *, access: Access | None = None, json: bool = True, **options: Any) -> None:
        super().__init__(string, **options)
        if access is None:
            raise RuntimeError(f"the route {string} ({options.get('endpoint')}) declares no access=")
        if access.kind == "member" and "organization_id>" not in string:
            raise RuntimeError(f"the route {string} asks for a member, but its path names no organization_id")
        self.access = access
        self.json = json
