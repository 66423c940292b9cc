"""A client of the API for tests, and factories that make things through it as its users would."""

from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

PASSWORD = "seven unlikely herons"
_numbers = count(1)


@dataclass(frozen=True)
class Api:
    """Speaks to `/api/v1`, as whoever `tokens` are of."""

    client: FlaskClient
    tokens: dict[str, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request; `path` is below `/api/v1` unless it is absolute in `url`."""
        headers = dict(options.pop("headers", {}))
        if self.tokens:
            headers.setdefault("Authorization", f"Bearer {self.tokens['access_token']}")
        # Buffered: an answer that is a file is closed, whether it is read or not.
        answer = self.client.open(f"/api/v1{path}", method=method, headers=headers, buffered=True, **options)
        if isinstance(self.client, FlaskClient):
            # Only here: tests of faults speak to real processes, and import nothing of the project.
            from tests.kit.clients.response_checker import judge_of

            judge_of(self.client.application).judge(answer)
        return answer

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self("POST", path, **({} if body is None else {"json": body}), **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self("DELETE", path, **options)

    def register(self, email: str | None = None, **members: Any) -> dict[str, Any]:
        """A new account."""
        email = email or f"user{next(_numbers)}@example.com"
        return created(self.post("/auth/register", {"email": email, "password": PASSWORD, **members}))

    def signed_in(self, email: str | None = None, **members: Any) -> "Api":
        """A client signed in as a new account."""
        user = self.register(email, **members)
        return replace(self, user=user).signed_in_again()

    def signed_in_again(self) -> "Api":
        """A client with another session of the same account."""
        answer = self.post("/auth/login", {"email": self.user["email"], "password": PASSWORD})
        return replace(self, tokens=created(answer))

    def organization(self, name: str = "Analytical Engines", **members: Any) -> dict[str, Any]:
        """A new organization."""
        return created(self.post("/organizations", {"name": name, **members}))

    def invitation(self, organization_id: str, email: str, role: str = "member") -> dict[str, Any]:
        """A new invitation."""
        return created(self.post(f"/organizations/{organization_id}/invitations", {"email": email, "role": role}))

    def upload(self, content: bytes = b"hello", filename: str = "hello.txt", **fields: Any) -> TestResponse:
        """Send a file, with the other fields of the form."""
        body, content_type = form(content, filename, **fields)
        return self("POST", "/files", data=body, content_type=content_type)


def form(content: bytes, filename: str, **fields: Any) -> tuple[bytes, str]:
    """A form with a file, and its type. Werkzeug's own boundary is at times longer than RFC 2046 allows."""
    parts = {"file": FileStorage(BytesIO(content), filename), **fields}
    boundary, body = encode_multipart(parts, boundary="a-boundary-3f6c1e")
    return body, f"multipart/form-data; boundary={boundary}"


def created(answer: TestResponse) -> Any:
    """The body of an answer that must be a success."""
    assert answer.status_code < 300, answer.get_data(as_text=True)
    return answer.json


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body of an answer that must be this problem, in the form that every problem has."""
    told = f"wanted {status} {code}, got {answer.status} {answer.get_data(as_text=True)[:1000]}"
    assert answer.mimetype == "application/problem+json", told
    body: dict[str, Any] = answer.get_json(force=True)
    assert (answer.status_code, body.get("code")) == (status, code), told
    assert body["status"] == status
    assert body["type"].endswith(f"/problems/{code}")
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body


def pointers(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Where a `validation-failed` problem points: location and pointer."""
    return {(error["location"], error["pointer"]) for error in body["errors"]}
