"""What the server's parser refuses before there is a request: a problem like every other, logged, and then the end."""

from uuid import UUID

import pytest

from tests.http.responses.test_response_headers import SECURITY_HEADERS
from tests.kit.clients.raw_http import REGISTER, Answer, Server, answer, head, registration

LIVE = "/health/live"
MALFORMED, TOO_LONG, TOO_LARGE = (400, "malformed-request"), (414, "uri-too-long"), (431, "header-too-large")
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def with_line(line: str) -> bytes:
    """A request with this first line."""
    return f"{line}\r\nHost: localhost\r\n\r\n".encode()


REFUSED: dict[str, tuple[bytes, tuple[int, str], str]] = {
    "garbage": (b"garbage\r\n\r\n", MALFORMED, "/"),
    "TLS": (b"\x16\x03\x01\x00\xc8\x01\n\n", MALFORMED, "/"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED, "/"),
    "method in small letters": (with_line(f"get {LIVE} HTTP/1.1"), MALFORMED, "/"),
    "no such version": (with_line(f"GET {LIVE} HTTP/9.9"), MALFORMED, LIVE),
    "space in the path": (with_line("GET /health live HTTP/1.1"), MALFORMED, "/health"),
    "path not in ASCII": (with_line("GET /é HTTP/1.1"), MALFORMED, "/"),
    "asterisk": (with_line("GET * HTTP/1.1"), MALFORMED, "/"),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: localhost\n\n", MALFORMED, "/"),
    "two empty lines first": (b"\r\n\r\n" + head("GET", LIVE), MALFORMED, "/"),
    "no host": (f"GET {LIVE}?secret=1 HTTP/1.1\r\nAccept: */*\r\n\r\n".encode(), MALFORMED, LIVE),
    "no header at all": (f"GET {LIVE} HTTP/1.1\r\n\r\n".encode(), MALFORMED, LIVE),
    "two hosts": (head("GET", "/a%20b", "Host: localhost"), MALFORMED, "/a b"),
    "no colon": (head("GET", LIVE, "Accept"), MALFORMED, LIVE),
    "space in a name": (head("GET", LIVE, "Bad Name: x"), MALFORMED, LIVE),
    "space behind a name": (head("GET", LIVE, "Content-Length : 3"), MALFORMED, LIVE),
    "control character": (head("GET", LIVE, "Accept: \x00"), MALFORMED, LIVE),
    "folding": (head("GET", LIVE, "Accept: a,", " b"), MALFORMED, LIVE),
    "expectation": (head("GET", LIVE, "Expect: 200-maybe"), MALFORMED, LIVE),
    "signed length": (head("POST", LIVE, "Content-Length: +5"), MALFORMED, LIVE),
    "negative length": (head("POST", LIVE, "Content-Length: -5"), MALFORMED, LIVE),
    "length twice in a line": (head("POST", LIVE, "Content-Length: 5, 5"), MALFORMED, LIVE),
    "length twice": (head("POST", LIVE, "Content-Length: 5", "Content-Length: 5"), MALFORMED, LIVE),
    "length of 5,000 digits": (head("POST", LIVE, "Content-Length: " + "9" * 5000), MALFORMED, LIVE),
    "length and chunks": (head("POST", LIVE, "Content-Length: 5", "Transfer-Encoding: chunked"), MALFORMED, LIVE),
    "chunked twice": (head("POST", LIVE, "Transfer-Encoding: chunked, chunked"), MALFORMED, LIVE),
    "gzip only": (head("POST", LIVE, "Transfer-Encoding: gzip"), MALFORMED, LIVE),
    "unknown coding": (head("POST", LIVE, "Transfer-Encoding: xchunked"), MALFORMED, LIVE),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", MALFORMED, "/"),
    "long request line": (with_line(f"GET /{'x' * 5000} HTTP/1.1"), TOO_LONG, "/"),
    "endless request line": (b"GET /" + b"x" * 70_000, TOO_LONG, "/"),
    "header of 9 kB": (head("GET", LIVE, "Cookie: " + "x" * 9000), TOO_LARGE, LIVE),
    "too many headers": (head("GET", LIVE, *["X: y"] * 100), TOO_LARGE, LIVE),
    "endless headers": (head("GET", LIVE)[:-2] + b"X: y\r\n" * 12_000, TOO_LARGE, LIVE),
}


@pytest.fixture(scope="module", params=REFUSED)
def refused(request: pytest.FixtureRequest, server: Server) -> tuple[Answer, tuple[int, str], str]:
    """The answer to each bad request, with the status, code and path that it must have."""
    sent, outcome, path = REFUSED[request.param]
    return server.ask(sent), outcome, path


def test_refusal_is_a_problem(refused: tuple[Answer, tuple[int, str], str], server: Server) -> None:
    answer, (status, code), path = refused
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json.keys() == MEMBERS
    assert answer.json | {"status": status, "code": code, "instance": path} == answer.json
    assert answer.json["type"] == f"http://localhost:{server.port}/problems/{code}"
    assert answer.status == status


def test_refusal_has_the_headers_of_every_answer(refused: tuple[Answer, tuple[int, str], str]) -> None:
    headers = refused[0].headers
    assert {name: headers.get(name.lower()) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["connection"]) == ("no-store", "close")
    assert headers["date"].endswith("GMT")
    assert "server" not in headers


def test_refusal_is_one_event(refused: tuple[Answer, tuple[int, str], str], server: Server) -> None:
    answer, (status, code), _path = refused
    request_id = str(UUID(answer.headers["x-request-id"]))
    (event,) = server.events(request_id)
    expected = {"event": "request", "method": None, "route": None, "status": status, "problem": code}
    assert event | expected == event
    assert answer.json["request_id"] == request_id


def test_refusal_tells_nothing_of_what_was_sent_or_of_the_inside(server: Server) -> None:
    answer = server.ask(head("GET", "/?secret=1", "Authori zation: Bearer secret"))
    assert answer.outcome == MALFORMED
    assert "secret" not in answer.body.decode() + server.log()
    assert "Traceback" not in server.log()


def test_head_that_ends_early_is_refused(server: Server) -> None:
    refusal = server.ask(head("GET", LIVE)[:-2], half_close=True)
    assert refusal.outcome == MALFORMED
    assert refusal.json["detail"] == "The request head is incomplete."


def test_event_of_a_refusal_bears_nothing_of_the_request_before(server: Server) -> None:
    for _ in range(8):
        server.ask(head("GET", LIVE, f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"))
    (event,) = server.events(server.ask(b"garbage\r\n\r\n").headers["x-request-id"])
    assert "trace_id" not in event


def test_refused_request_ends_the_connection(server: Server) -> None:
    account, before = registration(), server.count("users")
    behind = head("POST", REGISTER, "Content-Type: application/json", f"Content-Length: {len(account)}") + account
    with server.connect() as connection:
        connection.sendall(head("POST", LIVE, "Transfer-Encoding: chunked", "Content-Length: 5") + behind)
        assert answer(connection).outcome == MALFORMED
        assert connection.recv(1) == b""
    assert server.count("users") == before


def test_bad_body_ends_the_connection(server: Server) -> None:
    chunks = head("POST", REGISTER, "Content-Type: application/json", "Transfer-Encoding: chunked") + b"zz\r\n"
    with server.connect() as connection:
        connection.sendall(chunks + head("GET", LIVE))
        first = answer(connection)
        assert (first.outcome, first.headers["connection"]) == (MALFORMED, "close")
        assert connection.recv(1) == b""


def test_bad_body_that_nobody_wanted_is_not_answered_twice(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head("POST", "/nowhere", "Transfer-Encoding: chunked") + b"zz\r\n")
        assert answer(connection).status == 404
        assert connection.recv(1) == b""


@pytest.mark.parametrize("path", ["/", "/api/v1/auth/login"])
def test_trace_is_not_allowed(server: Server, path: str) -> None:
    answer = server.ask(head("TRACE", path))
    assert answer.outcome == (405, "method-not-allowed")
    assert "OPTIONS" in answer.headers["allow"]


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
def test_unusual_request_line_is_answered_sanely(server: Server, line: str, outcome: tuple[int, str | None]) -> None:
    assert server.ask(with_line(line)).outcome == outcome


@pytest.mark.parametrize(
    "header", ["Script_Name: /x", "Path_Info: /x", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off"]
)
def test_header_that_gunicorn_would_believe_is_not_believed(server: Server, header: str) -> None:
    assert server.ask(head("GET", LIVE, header)).status == 200
