"""The tokens in emails. The latest version of each kind is valid, for a limited time and until it is used."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from project.blueprints.auth import repository
from project.blueprints.auth.errors import TokenSpent
from project.blueprints.auth.models import UserRow
from project.config import Settings, current_settings
from project.errors import NotFound
from project.infrastructure import signing
from project.infrastructure.clock import now
from project.infrastructure.mail import Message, current_mailer


@dataclass(frozen=True)
class EmailedToken:
    """A kind of token: where its state is stored, and the setting for its lifetime."""

    purpose: str
    version: Callable[[UserRow], int]
    issued_at: Callable[[UserRow], datetime | None]
    lifetime_seconds: Callable[[Settings], int]

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.lifetime_seconds(current_settings()))

    def issue(self, user: UserRow) -> str:
        """Return the latest token of a user. It is derived from the row and never stored."""
        return signing.issue(self.purpose, user.id, self.version(user))

    def find_user(self, user_id: UUID, version: int) -> UserRow | None:
        """Return the user if the account is active and this version of the token is valid, or `None`."""
        user = repository.find_user(user_id)
        if user is None or user.status != "active" or self.version(user) != version:
            return None
        issued_at = self.issued_at(user)
        return user if issued_at and now() < issued_at + self.lifetime else None

    def verify(self, token: str) -> UserRow:
        """Return the user that the token was issued to. Raises TokenSpent, and NotFound if it was never issued.

        The statement that uses the token must check its version again.
        """
        verified = signing.verify(self.purpose, token)
        if verified is None:
            raise NotFound
        user = self.find_user(*verified)
        if user is None:
            raise TokenSpent
        return user


def send_token(kind: EmailedToken, user_id: UUID, version: int, compose: Callable[..., Message]) -> None:
    """Send the email with this version of a token, unless it is no longer valid. A repeated call sends the same bytes.

    `compose` returns the message to a user, with a `token` that is `valid_for` some time.
    """
    user = kind.find_user(user_id, version)
    if user is not None:
        current_mailer().send(compose(user, token=kind.issue(user), valid_for=kind.lifetime))


EMAIL_TOKEN = EmailedToken(
    "email-verification",
    lambda user: user.email_token_version,
    lambda user: user.email_token_issued_at,
    lambda settings: settings.email_verification_ttl_seconds,
)
RESET_TOKEN = EmailedToken(
    "password-reset",
    lambda user: user.reset_token_version,
    lambda user: user.reset_token_issued_at,
    lambda settings: settings.password_reset_ttl_seconds,
)
