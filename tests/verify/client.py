"""HTTP with the deployment, as strict clients speak it, and the form that all its answers share."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

import urllib3

from tests.verify.checks import Failed, expect, expect_members, some_text


class Client:
    """One deployment. Each request's id names the run and the step, so that the server's log can be read by it."""

    def __init__(self, url: str, *, run: str, timeout_seconds: float) -> None:
        self.url = url.rstrip("/")
        self.run = run
        self._step = ""
        self._sent = 0
        self._http = urllib3.PoolManager(
            retries=False, timeout=timeout_seconds, headers={"User-Agent": "groundwork-verify"}
        )

    def enter(self, step: str) -> None:
        """From now on requests belong to this step."""
        self._step, self._sent = step.replace(" ", "-"), 0

    def send(
        self, method: str, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **body: Any
    ) -> "Answer":
        """The answer, whatever it is; Failed when none comes. `body` is urllib3's `json=` or `fields=`."""
        self._sent += 1
        request_id = f"verify-{self.run}-{self._step}-{self._sent}"
        sent = {**self._http.headers, "X-Request-ID": request_id, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            response = self._http.request(method, self.url + path, headers=sent, redirect=False, **body)
        except urllib3.exceptions.HTTPError as error:
            raise Failed(f"{method} {path}", "an answer", _trouble(error)) from None
        return Answer(f"{method} {path}", request_id, response.status, response.headers, response.data)


@dataclass(frozen=True)
class Answer:
    """What came back for `request`, e. g. `GET /health/live`."""

    request: str
    request_id: str
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes = field(repr=False)

    def __getitem__(self, name: str) -> Any:
        """A member of the JSON object."""
        try:
            return self.json[name]
        except KeyError:
            raise Failed(self.request, f"a member {name}", f"only {', '.join(self.json)}") from None

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object that this is."""
        self.sent(Content_Type="application/json")
        return self._object()

    @property
    def problem(self) -> dict[str, Any]:
        """The problem that this is."""
        self.sent(Content_Type="application/problem+json")
        return self._object()

    def succeeded(self, status: int, /, **members: object) -> Self:
        """Has this status and, where any are given, these members of these values or kinds."""
        if self.status != status:
            raise Failed(self.request, status, self._in_short())
        self.sent(X_Content_Type_Options="nosniff")
        if members:
            expect_members(self.request, self.json, members)
        return self

    def refused(self, status: int, code: str) -> Self:
        """Is a problem (RFC 9457) with this status and code, and every member that the contract promises."""
        if self.status != status or self._code() != code:
            raise Failed(self.request, f"{status} {code}", self._in_short())
        problem = self.sent(X_Content_Type_Options="nosniff").problem
        path = self.request.partition(" ")[2].partition("?")[0]
        promised = {"type": some_text, "title": some_text, "status": status, "detail": some_text}
        promised |= {"instance": path, "code": code, "request_id": self.headers.get("X-Request-ID")}
        expect_members(self.request, problem, promised)
        if not re.fullmatch(rf"https?://.+/problems/{code}", problem["type"]):
            raise Failed(f"{self.request}: type", f"https://…/problems/{code}", problem["type"])
        return self

    def sent(self, **headers: str) -> Self:
        """Has these headers, `_` standing for `-`."""
        for name, value in headers.items():
            name = name.replace("_", "-")
            expect(f"{self.request}: {name}", value, self.headers.get(name))
        return self

    def _object(self) -> dict[str, Any]:
        try:
            body = json.loads(self.content)
        except ValueError:
            raise Failed(self.request, "JSON", f"{len(self.content)} bytes that are none") from None
        if not isinstance(body, dict):
            raise Failed(self.request, "a JSON object", f"a {type(body).__name__}")
        return body

    def _code(self) -> str:
        """The problem's code, if it is one."""
        try:
            return str(self._object().get("code", ""))
        except Failed:
            return ""

    def _in_short(self) -> str:
        return f"{self.status} {self._code()}".rstrip() + f" (request {self.request_id})"


def _trouble(error: urllib3.exceptions.HTTPError) -> str:
    """The cause in a few words; urllib3 wraps it, and its own words repeat addresses."""
    # A refused connection counts as a time-out to urllib3, so it is asked about first.
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "none in time"
    return f"the connection break ({type(error).__name__})"
