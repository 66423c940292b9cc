"""Handcrafted multipart forms, including ones that no well-behaved client would send."""

from typing import Any

from tests.kit.clients.api import Api

CLOSING_BOUNDARY = b"--x--\r\n"


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    """Return a form part; `disposition` is appended to `form-data` in its `Content-Disposition` header."""
    lines = [f"Content-Disposition: form-data{disposition}", *headers]
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


def file_part(content: bytes = b"hello", filename: str = "hello.txt") -> bytes:
    """Return a form part that contains a file."""
    return part(f'; name="file"; filename="{filename}"', content)


def field_part(name: str, value: bytes | str) -> bytes:
    """Return a form part for a field other than the file."""
    return part(f'; name="{name}"', value.encode() if isinstance(value, str) else value)


def send(
    api: Api, *parts: bytes, closing: bytes = CLOSING_BOUNDARY, content_type: str | None = None, **options: Any
) -> Any:
    """Upload a form that consists of `parts` and `closing`."""
    content_type = "multipart/form-data; boundary=x" if content_type is None else content_type
    return api("POST", "/files", data=b"".join(parts) + closing, content_type=content_type, **options)
