"""Bodies with invalid framing, sent as raw bytes to a real gunicorn server, are rejected and have no effect."""

import pytest

from tests.kit.clients.raw_http import REGISTER, Server, chunked, read_response, registration_body, request_head

UPLOAD = "/api/v1/files"
FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'


def test_body_shorter_than_content_length_is_rejected(server: Server) -> None:
    body, before = registration_body(), server.count("users")
    response = server.post(REGISTER, "application/json", body, f"Content-Length: {len(body) + 9}", half_close=True)
    assert response.outcome == (400, "malformed-request")
    assert server.count("users") == before


def test_request_with_incomplete_body_has_no_effect_if_client_disconnects(server: Server) -> None:
    body, before = registration_body(), server.count("users")
    with server.connect() as connection:
        connection.sendall(
            request_head("POST", REGISTER, "Content-Type: application/json", "Content-Length: 500") + body
        )
    server.authorization_header()
    assert server.count("users") == before + 1


def test_chunked_body_is_accepted(server: Server) -> None:
    body = registration_body()
    chunks = chunked(body[:10], body[10:11], body[11:]) + b"0\r\n\r\n"
    assert server.post(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked").status == 201


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}x\r\n0\r\n\r\n",
        b"2\r\n{",
        b"2\r\n{}\r\n",
        b"",
    ],
)
def test_body_with_invalid_or_incomplete_chunks_is_rejected(server: Server, chunks: bytes) -> None:
    response = server.post(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked", half_close=True)
    assert response.outcome == (400, "malformed-request")


def test_chunked_body_without_last_chunk_is_rejected_even_if_json_is_complete(server: Server) -> None:
    before = server.count("users")
    chunks = chunked(registration_body())
    response = server.post(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked", half_close=True)
    assert response.outcome == (400, "malformed-request")
    assert server.count("users") == before


def test_chunked_body_above_size_limit_is_rejected(server: Server) -> None:
    body = registration_body()[:-1] + b" " * 1_000_000 + b"}"
    chunks = chunked(*(body[start : start + 9000] for start in range(0, len(body), 9000))) + b"0\r\n\r\n"
    response = server.post(REGISTER, "application/json", chunks, "Transfer-Encoding: chunked")
    assert response.outcome == (413, "payload-too-large")


@pytest.mark.parametrize(
    "length",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 9",
        "Content-Length: 2\r\nContent-Length: 3",
    ],
)
def test_conflicting_body_lengths_are_rejected(server: Server, length: str) -> None:
    before = server.count("users")
    assert server.post(REGISTER, "application/json", chunked(registration_body()) + b"0\r\n\r\n", length).status == 400
    assert server.count("users") == before


def test_extra_bytes_after_the_body_have_no_effect(server: Server) -> None:
    body, before = registration_body(), server.count("users")
    length = f"Content-Length: {len(body)}"
    assert server.post(REGISTER, "application/json", body + registration_body(), length).status == 201
    assert server.count("users") == before + 1


def test_expect_100_continue_is_supported(server: Server) -> None:
    body = registration_body()
    fields = ["Content-Type: application/json", f"Content-Length: {len(body)}", "Expect: 100-continue"]
    with server.connect() as connection:
        connection.sendall(request_head("POST", REGISTER, *fields))
        assert connection.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_response(connection).status == 201


def test_chunked_upload_is_accepted(server: Server) -> None:
    chunks = chunked(PART[:30], PART[30:], b"--x--\r\n") + b"0\r\n\r\n"
    response = server.post(UPLOAD, FORM, chunks, server.authorization_header(), "Transfer-Encoding: chunked")
    assert (response.status, response.json["size"]) == (201, 5)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"", "Content-Length: 0"),
        (PART, f"Content-Length: {len(PART)}"),
        (PART + b"--x", f"Content-Length: {len(PART) + 3}"),
        (PART + b"--x--\r\n", f"Content-Length: {len(PART) + 99}"),
        (chunked(PART), "Transfer-Encoding: chunked"),
        (chunked(PART) + b"zz\r\n", "Transfer-Encoding: chunked"),
        (chunked(PART) + b"0\r\n\r\n", "Transfer-Encoding: chunked"),
    ],
    ids=[
        "empty",
        "no-closing-boundary",
        "partial-closing-boundary",
        "shorter-than-content-length",
        "missing-last-chunk",
        "invalid-chunk",
        "chunked-without-closing-boundary",
    ],
)
def test_malformed_upload_is_rejected_and_nothing_is_stored(server: Server, body: bytes, header: str) -> None:
    before = server.count("files"), server.objects()
    response = server.post(UPLOAD, FORM, body, server.authorization_header(), header, half_close=True)
    assert response.outcome == (400, "malformed-request")
    assert (server.count("files"), server.objects()) == before
