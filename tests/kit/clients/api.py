"""A test client for the API, with methods that create resources through API requests."""

from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

PASSWORD = "seven unlikely herons"
NEW_PASSWORD = "eleven patient otters"
_numbers = count(1)


@dataclass(frozen=True)
class Api:
    """A client for `/api/v1` that sends the access token in `tokens`, if there is one."""

    client: FlaskClient
    tokens: dict[str, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request to `path`, which is relative to `/api/v1`; return the response.

        Responses from Flask's test client are checked against the OpenAPI document.
        """
        headers = dict(options.pop("headers", {}))
        if self.tokens:
            headers.setdefault("Authorization", f"Bearer {self.tokens['access_token']}")
        # Buffering closes a file response even if the test never reads it.
        response = self.client.open(f"/api/v1{path}", method=method, headers=headers, buffered=True, **options)
        if isinstance(self.client, FlaskClient):
            # Imported here because fault tests use this module with real processes and must not import the project.
            from tests.kit.clients.response_checker import checker_for

            checker_for(self.client.application).check(response)
        return response

    def get(self, path: str, **options: Any) -> TestResponse:
        return self("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self("POST", path, **({} if body is None else {"json": body}), **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self("DELETE", path, **options)

    def register(self, email: str | None = None, **members: Any) -> dict[str, Any]:
        """Create an account, by default with a new email address, and return the response body."""
        email = email or f"user{next(_numbers)}@example.com"
        return success(self.post("/auth/register", {"email": email, "password": PASSWORD, **members}))

    def as_new_user(self, email: str | None = None, **members: Any) -> "Api":
        """Create an account and return a client that is logged in to it."""
        user = self.register(email, **members)
        return replace(self, user=user).with_new_session()

    def with_new_session(self) -> "Api":
        """Log in to the same account again and return a client with the new session."""
        response = self.post("/auth/login", {"email": self.user["email"], "password": PASSWORD})
        return replace(self, tokens=success(response))

    def organization(self, name: str = "Analytical Engines", **members: Any) -> dict[str, Any]:
        """Create an organization and return the response body."""
        return success(self.post("/organizations", {"name": name, **members}))

    def invitation(self, organization_id: str, email: str, role: str = "member") -> dict[str, Any]:
        """Create an invitation and return the response body."""
        return success(self.post(f"/organizations/{organization_id}/invitations", {"email": email, "role": role}))

    def upload(self, content: bytes = b"hello", filename: str = "hello.txt", **fields: Any) -> TestResponse:
        """Upload a file together with other form `fields`; return the response."""
        body, content_type = form(content, filename, **fields)
        return self("POST", "/files", data=body, content_type=content_type)


def form(content: bytes, filename: str, **fields: Any) -> tuple[bytes, str]:
    """Return a multipart body with the file and `fields`, and the content type of the body.

    The boundary is fixed because the ones that Werkzeug generates may be longer than RFC 2046 allows.
    """
    parts = {"file": FileStorage(BytesIO(content), filename), **fields}
    boundary, body = encode_multipart(parts, boundary="a-boundary-3f6c1e")
    return body, f"multipart/form-data; boundary={boundary}"


def success(response: TestResponse) -> Any:
    """Return the JSON body of a response. Fails unless the response is a success."""
    assert response.status_code < 300, response.get_data(as_text=True)
    return response.json


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the body of a response. Fails unless it is a well-formed problem with the given status and code."""
    message = f"expected {status} {code}, got {response.status} {response.get_data(as_text=True)[:1000]}"
    assert response.mimetype == "application/problem+json", message
    body: dict[str, Any] = response.get_json(force=True)
    assert (response.status_code, body.get("code")) == (status, code), message
    assert body["status"] == status
    assert body["type"].endswith(f"/problems/{code}")
    assert body["request_id"] == response.headers["X-Request-ID"]
    return body


def pointers(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the location and pointer of each error in a `validation-failed` problem."""
    return {(error["location"], error["pointer"]) for error in body["errors"]}
