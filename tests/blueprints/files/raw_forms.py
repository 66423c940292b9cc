"""Multipart forms written by hand, as no well-behaved client would write them."""

from typing import Any

from tests.kit.clients.api import Api

CLOSING = b"--x--\r\n"


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    """One part; `disposition` is what follows `form-data`."""
    lines = [f"Content-Disposition: form-data{disposition}", *headers]
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


def file_part(content: bytes = b"hello", filename: str = "hello.txt") -> bytes:
    """The part of a file."""
    return part(f'; name="file"; filename="{filename}"', content)


def field_part(name: str, value: bytes | str) -> bytes:
    """The part of another field."""
    return part(f'; name="{name}"', value.encode() if isinstance(value, str) else value)


def send(api: Api, *parts: bytes, closing: bytes = CLOSING, content_type: str | None = None, **options: Any) -> Any:
    """The answer to an upload of these parts."""
    content_type = "multipart/form-data; boundary=x" if content_type is None else content_type
    return api("POST", "/files", data=b"".join(parts) + closing, content_type=content_type, **options)
