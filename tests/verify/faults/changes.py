"""Changes to a response, for use in seeded faults."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.verify.faults.proxy import ConnectionDropped, Reply

Change = Callable[[Reply], None]
REMOVED = object()


def with_status(status: int, body: Any = None) -> Change:
    """Change the status and, if given, the JSON body."""

    def change(reply: Reply) -> None:
        reply.status = status
        if body is not None:
            _write(reply, body, "application/json")

    return change


def with_problem(status: int, code: str, **members: object) -> Change:
    """Replace the response with a problem that is valid except for `members`."""

    def change(reply: Reply) -> None:
        reply.status = status
        body: dict[str, object] = {
            "type": f"http://localhost/problems/{code}",
            "title": "No",
            "detail": "No.",
            "code": code,
        }
        body |= {"status": status, "instance": reply.path.partition("?")[0]}
        body |= {"request_id": reply.headers["X-Request-ID"]}
        _write(reply, _with(body, members), "application/problem+json")

    return change


def with_members(**members: object) -> Change:
    """Change members of the JSON object. REMOVED removes a member."""
    return lambda reply: _write(reply, _with(json.loads(reply.content), members), reply.headers["Content-Type"])


def with_header(name: str, value: str | None) -> Change:
    """Change the value of a header, or remove the header if `value` is `None`."""

    def change(reply: Reply) -> None:
        reply.headers.discard(name)
        if value is not None:
            reply.headers[name] = value

    return change


def with_content(alter: Callable[[bytes], bytes]) -> Change:
    """Change the bytes of the body."""

    def change(reply: Reply) -> None:
        reply.content = alter(reply.content)

    return change


def with_text(old: str, new: str) -> Change:
    """Replace text in the body."""
    return with_content(lambda content: content.replace(old.encode(), new.encode()))


def flipped_bit(content: bytes) -> bytes:
    """Return the content with one bit in the middle flipped."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def drop_connection(reply: Reply) -> None:
    """Close the connection without sending a response."""
    raise ConnectionDropped


def delay(reply: Reply) -> None:
    """Send the response after the client's timeout."""
    time.sleep(2.5)


def _with(body: dict[str, Any], members: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in (body | members).items() if value is not REMOVED}


def _write(reply: Reply, body: Any, content_type: str) -> None:
    reply.content = json.dumps(body).encode()
    reply.headers.discard("Content-Type")
    reply.headers["Content-Type"] = content_type
