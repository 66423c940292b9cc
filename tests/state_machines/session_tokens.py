"""The tokens that a session has issued. Checking whether they are accepted has no effect on the session."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from project.blueprints.auth import service
from project.errors import Error
from project.http.auth import access_tokens
from project.infrastructure.database import transaction


class _Undo(Exception):
    """Raised to roll back a transaction."""


@dataclass(frozen=True)
class Tokens:
    """The tokens in a response. The methods require an application context."""

    session_id: str
    generation: int
    access_token: str
    refresh_token: str

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    def is_access_token_accepted(self) -> bool:
        """Return whether a request with the access token would be authenticated. Does not count as its use."""
        token = access_tokens.verify(self.access_token)
        return _dry_run(lambda: service.load_principal(token.session_id, token.generation)) is not None

    def problem_of_refresh(self) -> str | None:
        """Return the problem code of a refresh, or `None` if it would succeed. The refresh token remains unused."""
        try:
            _dry_run(lambda: service.refresh(self.refresh_token))
        except Error as error:
            return error.code
        return None


def _dry_run(action: Callable[[], Any]) -> Any:
    """Return the result of `action` and roll back its effects, even those that it commits before it raises an error."""
    with suppress(_Undo), transaction():
        result = action()
        raise _Undo
    return result
