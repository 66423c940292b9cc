"""When the parser rejects a request, the server logs it, returns problem details, and closes the connection."""

from uuid import UUID

import pytest

from tests.http.responses.test_response_headers import SECURITY_HEADERS
from tests.kit.clients.raw_http import REGISTER, RawResponse, Server, read_response, registration_body, request_head

LIVE = "/health/live"
MALFORMED, TOO_LONG, TOO_LARGE = (400, "malformed-request"), (414, "uri-too-long"), (431, "header-too-large")
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def request_with_line(line: str) -> bytes:
    """Return a request with `line` as its request line."""
    return f"{line}\r\nHost: localhost\r\n\r\n".encode()


REJECTED: dict[str, tuple[bytes, tuple[int, str], str]] = {
    "garbage": (b"garbage\r\n\r\n", MALFORMED, "/"),
    "tls": (b"\x16\x03\x01\x00\xc8\x01\n\n", MALFORMED, "/"),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED, "/"),
    "lowercase-method": (request_with_line(f"get {LIVE} HTTP/1.1"), MALFORMED, "/"),
    "unknown-version": (request_with_line(f"GET {LIVE} HTTP/9.9"), MALFORMED, LIVE),
    "space-in-path": (request_with_line("GET /health live HTTP/1.1"), MALFORMED, "/health"),
    "non-ascii-path": (request_with_line("GET /é HTTP/1.1"), MALFORMED, "/"),
    "asterisk": (request_with_line("GET * HTTP/1.1"), MALFORMED, "/"),
    "bare-line-feeds": (b"GET / HTTP/1.1\nHost: localhost\n\n", MALFORMED, "/"),
    "two-leading-empty-lines": (b"\r\n\r\n" + request_head("GET", LIVE), MALFORMED, "/"),
    "no-host": (f"GET {LIVE}?secret=1 HTTP/1.1\r\nAccept: */*\r\n\r\n".encode(), MALFORMED, LIVE),
    "no-headers": (f"GET {LIVE} HTTP/1.1\r\n\r\n".encode(), MALFORMED, LIVE),
    "two-hosts": (request_head("GET", "/a%20b", "Host: localhost"), MALFORMED, "/a b"),
    "header-without-colon": (request_head("GET", LIVE, "Accept"), MALFORMED, LIVE),
    "space-in-header-name": (request_head("GET", LIVE, "Bad Name: x"), MALFORMED, LIVE),
    "space-after-header-name": (request_head("GET", LIVE, "Content-Length : 3"), MALFORMED, LIVE),
    "control-character": (request_head("GET", LIVE, "Accept: \x00"), MALFORMED, LIVE),
    "folded-header": (request_head("GET", LIVE, "Accept: a,", " b"), MALFORMED, LIVE),
    "unknown-expectation": (request_head("GET", LIVE, "Expect: 200-maybe"), MALFORMED, LIVE),
    "signed-length": (request_head("POST", LIVE, "Content-Length: +5"), MALFORMED, LIVE),
    "negative-length": (request_head("POST", LIVE, "Content-Length: -5"), MALFORMED, LIVE),
    "two-lengths-in-one-header": (request_head("POST", LIVE, "Content-Length: 5, 5"), MALFORMED, LIVE),
    "two-length-headers": (request_head("POST", LIVE, "Content-Length: 5", "Content-Length: 5"), MALFORMED, LIVE),
    "length-of-5000-digits": (request_head("POST", LIVE, "Content-Length: " + "9" * 5000), MALFORMED, LIVE),
    "length-and-chunks": (
        request_head("POST", LIVE, "Content-Length: 5", "Transfer-Encoding: chunked"),
        MALFORMED,
        LIVE,
    ),
    "chunked-twice": (request_head("POST", LIVE, "Transfer-Encoding: chunked, chunked"), MALFORMED, LIVE),
    "gzip-only": (request_head("POST", LIVE, "Transfer-Encoding: gzip"), MALFORMED, LIVE),
    "unknown-transfer-coding": (request_head("POST", LIVE, "Transfer-Encoding: xchunked"), MALFORMED, LIVE),
    "chunks-in-http-1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", MALFORMED, "/"),
    "long-request-line": (request_with_line(f"GET /{'x' * 5000} HTTP/1.1"), TOO_LONG, "/"),
    "endless-request-line": (b"GET /" + b"x" * 70_000, TOO_LONG, "/"),
    "header-of-9-kb": (request_head("GET", LIVE, "Cookie: " + "x" * 9000), TOO_LARGE, LIVE),
    "too-many-headers": (request_head("GET", LIVE, *["X: y"] * 100), TOO_LARGE, LIVE),
    "endless-headers": (request_head("GET", LIVE)[:-2] + b"X: y\r\n" * 12_000, TOO_LARGE, LIVE),
}


@pytest.fixture(scope="module", params=REJECTED)
def rejected(request: pytest.FixtureRequest, server: Server) -> tuple[RawResponse, tuple[int, str], str]:
    """The response to a rejected request, the expected status and code, and the expected `instance`."""
    request_bytes, outcome, path = REJECTED[request.param]
    return server.send_raw(request_bytes), outcome, path


def test_rejected_request_gets_problem_details(
    rejected: tuple[RawResponse, tuple[int, str], str], server: Server
) -> None:
    response, (status, code), path = rejected
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json.keys() == MEMBERS
    assert response.json | {"status": status, "code": code, "instance": path} == response.json
    assert response.json["type"] == f"http://localhost:{server.port}/problems/{code}"
    assert response.status == status


def test_rejection_response_has_security_headers_and_closes_connection(
    rejected: tuple[RawResponse, tuple[int, str], str],
) -> None:
    headers = rejected[0].headers
    assert {name: headers.get(name.lower()) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["connection"]) == ("no-store", "close")
    assert headers["date"].endswith("GMT")
    assert "server" not in headers


def test_rejected_request_is_logged_as_one_event(
    rejected: tuple[RawResponse, tuple[int, str], str], server: Server
) -> None:
    response, (status, code), _path = rejected
    request_id = str(UUID(response.headers["x-request-id"]))
    (event,) = server.events(request_id)
    expected = {"event": "request", "method": None, "route": None, "status": status, "problem": code}
    assert event | expected == event
    assert response.json["request_id"] == request_id


def test_rejection_response_and_log_reveal_neither_input_nor_internals(server: Server) -> None:
    response = server.send_raw(request_head("GET", "/?secret=1", "Authori zation: Bearer secret"))
    assert response.outcome == MALFORMED
    assert "secret" not in response.body.decode() + server.log()
    assert "Traceback" not in server.log()


def test_incomplete_request_head_is_rejected(server: Server) -> None:
    response = server.send_raw(request_head("GET", LIVE)[:-2], half_close=True)
    assert response.outcome == MALFORMED
    assert response.json["detail"] == "The request head is incomplete."


def test_rejection_is_logged_without_context_from_earlier_requests(server: Server) -> None:
    for _ in range(8):
        server.send_raw(request_head("GET", LIVE, f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"))
    (event,) = server.events(server.send_raw(b"garbage\r\n\r\n").headers["x-request-id"])
    assert "trace_id" not in event


def test_pipelined_request_after_rejection_is_not_processed(server: Server) -> None:
    account, before = registration_body(), server.count("users")
    second_request = (
        request_head("POST", REGISTER, "Content-Type: application/json", f"Content-Length: {len(account)}") + account
    )
    with server.connect() as connection:
        connection.sendall(
            request_head("POST", LIVE, "Transfer-Encoding: chunked", "Content-Length: 5") + second_request
        )
        assert read_response(connection).outcome == MALFORMED
        assert connection.recv(1) == b""
    assert server.count("users") == before


def test_connection_is_closed_after_a_request_with_an_invalid_body(server: Server) -> None:
    chunks = request_head("POST", REGISTER, "Content-Type: application/json", "Transfer-Encoding: chunked") + b"zz\r\n"
    with server.connect() as connection:
        connection.sendall(chunks + request_head("GET", LIVE))
        first = read_response(connection)
        assert (first.outcome, first.headers["connection"]) == (MALFORMED, "close")
        assert connection.recv(1) == b""


def test_request_whose_unread_body_is_invalid_gets_only_one_response(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request_head("POST", "/nowhere", "Transfer-Encoding: chunked") + b"zz\r\n")
        assert read_response(connection).status == 404
        assert connection.recv(1) == b""


@pytest.mark.parametrize("path", ["/", "/api/v1/auth/login"])
def test_trace_method_is_not_allowed(server: Server, path: str) -> None:
    response = server.send_raw(request_head("TRACE", path))
    assert response.outcome == (405, "method-not-allowed")
    assert "OPTIONS" in response.headers["allow"]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (f"GET http://localhost{LIVE} HTTP/1.1", (200, None)),
        ("GET http://localhost HTTP/1.1", (200, None)),
        ("GET http://localhost/nowhere HTTP/1.1", (404, "not-found")),
        ("GET http://[::1/ HTTP/1.1", MALFORMED),
        ("OPTIONS * HTTP/1.1", (404, "not-found")),
        ("CONNECT localhost:443 HTTP/1.1", (404, "not-found")),
        (f"CONNECT {LIVE} HTTP/1.1", (405, "method-not-allowed")),
        (f"PROPFIND {LIVE} HTTP/1.1", (405, "method-not-allowed")),
        ("GET //localhost HTTP/1.1", (404, "not-found")),
    ],
)
def test_request_with_unusual_request_line_gets_the_expected_response(
    server: Server, line: str, outcome: tuple[int, str | None]
) -> None:
    assert server.send_raw(request_with_line(line)).outcome == outcome


@pytest.mark.parametrize(
    "header", ["Script_Name: /x", "Path_Info: /x", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off"]
)
def test_headers_that_gunicorn_trusts_by_default_are_ignored(server: Server, header: str) -> None:
    assert server.send_raw(request_head("GET", LIVE, header)).status == 200
