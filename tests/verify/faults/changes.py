"""Ways to falsify an answer."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.verify.faults.proxy import Hangup, Reply

Change = Callable[[Reply], None]
GONE = object()


def answer(status: int, body: Any = None) -> Change:
    """Another status, and with it another JSON body, if there is one."""

    def change(reply: Reply) -> None:
        reply.status = status
        if body is not None:
            _write(reply, body, "application/json")

    return change


def problem(status: int, code: str, **members: object) -> Change:
    """A flawless problem, but for `members`."""

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


def member(**members: object) -> Change:
    """Other members of the JSON object; GONE for none."""
    return lambda reply: _write(reply, _with(json.loads(reply.content), members), reply.headers["Content-Type"])


def header(name: str, value: str | None) -> Change:
    """Another value of a header, or none."""

    def change(reply: Reply) -> None:
        reply.headers.discard(name)
        if value is not None:
            reply.headers[name] = value

    return change


def content(alter: Callable[[bytes], bytes]) -> Change:
    """Other bytes."""

    def change(reply: Reply) -> None:
        reply.content = alter(reply.content)

    return change


def text(old: str, new: str) -> Change:
    """Other words."""
    return content(lambda content: content.replace(old.encode(), new.encode()))


def flipped_bit(content: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def hang_up(reply: Reply) -> None:
    """No answer."""
    raise Hangup


def dawdle(reply: Reply) -> None:
    """An answer that comes after everybody has given up."""
    time.sleep(2.5)


def _with(body: dict[str, Any], members: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in (body | members).items() if value is not GONE}


def _write(reply: Reply, body: Any, content_type: str) -> None:
    reply.content = json.dumps(body).encode()
    reply.headers.discard("Content-Type")
    reply.headers["Content-Type"] = content_type
