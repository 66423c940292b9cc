"""What the steps share: the people of this run, and what they have made so far."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.verify.client import Answer, Client
from tests.verify.instance import Instance
from tests.verify.mailbox import Mailbox

_API = "/api/v1"


@dataclass
class Person:
    """Someone who uses the API, signed in while there are tokens."""

    client: Client
    name: str
    email: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict, repr=False)

    def get(self, path: str, **options: Any) -> Answer:
        return self._send("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self._send("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        return self._send("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self._send("DELETE", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> Answer:
        return self.client.send(method, _API + path, token=self.tokens.get("access_token"), **options)

    def register(self) -> Answer:
        body = {"email": self.email, "password": self.password, "display_name": self.name}
        return self.client.send("POST", f"{_API}/auth/register", json=body)

    def log_in(self, password: str | None = None) -> Answer:
        body = {"email": self.email, "password": password or self.password}
        return self.client.send("POST", f"{_API}/auth/login", json=body)

    def refresh(self, refresh_token: str | None = None) -> Answer:
        body = {"refresh_token": refresh_token or self.tokens["refresh_token"]}
        return self.client.send("POST", f"{_API}/auth/refresh", json=body)


@dataclass
class World:
    """One run; whatever a step leaves here, only steps that name it in `after` may use."""

    client: Client
    mailbox: Mailbox
    patience_seconds: float
    instance: Instance | None = None
    first_refresh_token: str = field(default="", repr=False)
    photo_id: str = ""
    organization_id: str = ""
    invitation_token: str = field(default="", repr=False)
    shared_file_id: str = ""

    def __post_init__(self) -> None:
        self.anyone = self._person("Anyone")
        self.owner = self._person("Olive Owner")
        self.colleague = self._person("Colin Colleague")
        self.stranger = self._person("Stella Stranger")
        self.organization_name = f"Verify {self.client.run}"

    def _person(self, name: str) -> Person:
        address = f"verify-{self.client.run}-{name.split()[-1].lower()}@example.com"
        return Person(self.client, name, address)
