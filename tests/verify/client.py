"""An HTTP client for the deployment, and the expectations that apply to all of its responses."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

import urllib3

from tests.verify.checks import Failed, a_nonempty_string, expect, expect_members


class Client:
    """A client for one deployment. Its request ids include the run and the step, which helps when searching the log."""

    def __init__(self, url: str, *, run: str, timeout_seconds: float) -> None:
        self.url = url.rstrip("/")
        self.run = run
        self._step = ""
        self._sent = 0
        self._http = urllib3.PoolManager(
            retries=False, timeout=timeout_seconds, headers={"User-Agent": "groundwork-verify"}
        )

    def begin_step(self, step: str) -> None:
        """Use the name of this step in the ids of subsequent requests."""
        self._step, self._sent = step.replace(" ", "-"), 0

    def send(
        self, method: str, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **body: Any
    ) -> "Response":
        """Send a request and return the response, even if it is an error. `body` is urllib3's `json=` or `fields=`.

        Raises Failed if there is no response.
        """
        self._sent += 1
        request_id = f"verify-{self.run}-{self._step}-{self._sent}"
        all_headers = {**self._http.headers, "X-Request-ID": request_id, **(headers or {})}
        if token is not None:
            all_headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._http.request(method, self.url + path, headers=all_headers, redirect=False, **body)
        except urllib3.exceptions.HTTPError as error:
            raise Failed(f"{method} {path}", "a response", _description(error)) from None
        return Response(f"{method} {path}", request_id, response.status, response.headers, response.data)


@dataclass(frozen=True)
class Response:
    """The response to `request`, such as `GET /health/live`."""

    request: str
    request_id: str
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes = field(repr=False)

    def __getitem__(self, name: str) -> Any:
        """Return a member of the JSON object. Raises Failed if it is missing."""
        try:
            return self.json[name]
        except KeyError:
            raise Failed(self.request, f"a member {name}", f"only {', '.join(self.json)}") from None

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Raises Failed if there is none."""
        self.expect_headers(Content_Type="application/json")
        return self._object()

    @property
    def problem(self) -> dict[str, Any]:
        """The problem in the body. Raises Failed if there is none."""
        self.expect_headers(Content_Type="application/problem+json")
        return self._object()

    def expect_success(self, status: int, /, **members: object) -> Self:
        """Raise Failed unless the response has this status and, if given, these members."""
        if self.status != status:
            raise Failed(self.request, status, self._summary())
        self.expect_headers(X_Content_Type_Options="nosniff")
        if members:
            expect_members(self.request, self.json, members)
        return self

    def expect_problem(self, status: int, code: str) -> Self:
        """Raise Failed unless the response is a complete problem (RFC 9457) with this status and code."""
        if self.status != status or self._code() != code:
            raise Failed(self.request, f"{status} {code}", self._summary())
        problem = self.expect_headers(X_Content_Type_Options="nosniff").problem
        path = self.request.partition(" ")[2].partition("?")[0]
        expected = {
            "type": a_nonempty_string,
            "title": a_nonempty_string,
            "status": status,
            "detail": a_nonempty_string,
        }
        expected |= {"instance": path, "code": code, "request_id": self.headers.get("X-Request-ID")}
        expect_members(self.request, problem, expected)
        if not re.fullmatch(rf"https?://.+/problems/{code}", problem["type"]):
            raise Failed(f"{self.request}: type", f"https://…/problems/{code}", problem["type"])
        return self

    def expect_headers(self, **headers: str) -> Self:
        """Raise Failed unless the response has these headers. `_` in a name stands for `-`."""
        for name, value in headers.items():
            name = name.replace("_", "-")
            expect(f"{self.request}: {name}", value, self.headers.get(name))
        return self

    def _object(self) -> dict[str, Any]:
        try:
            body = json.loads(self.content)
        except ValueError:
            raise Failed(self.request, "JSON", f"{len(self.content)} bytes that are not JSON") from None
        if not isinstance(body, dict):
            raise Failed(self.request, "a JSON object", f"a {type(body).__name__}")
        return body

    def _code(self) -> str:
        """Return the problem code, or an empty string if the body is not a problem."""
        try:
            return str(self._object().get("code", ""))
        except Failed:
            return ""

    def _summary(self) -> str:
        return f"{self.status} {self._code()}".rstrip() + f" (request {self.request_id})"


def _description(error: urllib3.exceptions.HTTPError) -> str:
    """Return a brief cause, because urllib3's messages are long and repeat the URL."""
    # NewConnectionError must be checked first: in urllib3 it is a subclass of TimeoutError.
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "a timeout"
    return f"a broken connection ({type(error).__name__})"
