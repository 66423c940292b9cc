"""State that the steps share: the users of this run and the resources created so far."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.verify.client import Client, Response
from tests.verify.instance import Instance
from tests.verify.mailbox import Mailbox

_API = "/api/v1"


@dataclass
class User:
    """A user of the API, who is logged in if `tokens` is not empty."""

    client: Client
    name: str
    email: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict, repr=False)

    def get(self, path: str, **options: Any) -> Response:
        return self._send("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        return self._send("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Response:
        return self._send("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self._send("DELETE", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> Response:
        return self.client.send(method, _API + path, token=self.tokens.get("access_token"), **options)

    def register(self) -> Response:
        body = {"email": self.email, "password": self.password, "display_name": self.name}
        return self.client.send("POST", f"{_API}/auth/register", json=body)

    def log_in(self, password: str | None = None) -> Response:
        body = {"email": self.email, "password": password or self.password}
        return self.client.send("POST", f"{_API}/auth/login", json=body)

    def refresh(self, refresh_token: str | None = None) -> Response:
        body = {"refresh_token": refresh_token or self.tokens["refresh_token"]}
        return self.client.send("POST", f"{_API}/auth/refresh", json=body)


@dataclass
class World:
    """The state of one run. A step may use only what the steps in its `after` have stored here."""

    client: Client
    mailbox: Mailbox
    timeout_seconds: float
    instance: Instance | None = None
    first_refresh_token: str = field(default="", repr=False)
    photo_id: str = ""
    organization_id: str = ""
    invitation_token: str = field(default="", repr=False)
    shared_file_id: str = ""

    def __post_init__(self) -> None:
        self.anonymous = self._user("Anonymous")
        self.owner = self._user("Olive Owner")
        self.colleague = self._user("Colin Colleague")
        self.other_user = self._user("Oscar Other")
        self.organization_name = f"Verify {self.client.run}"

    def _user(self, name: str) -> User:
        email = f"verify-{self.client.run}-{name.split()[-1].lower()}@example.com"
        return User(self.client, name, email)
