"""Pagination cursors: opaque, signed, and valid only for the listing, filters and caller they were issued for."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import g, json, request

from project.config import current_settings
from project.errors import BadRequest
from project.infrastructure import signing
from project.infrastructure.database.pagination import Page, PageRequest

_PURPOSE = "cursor"


class InvalidCursor(BadRequest):
    """The cursor is invalid, or was issued for another listing, caller or set of filters."""

    code = "invalid-cursor"
    title = "Invalid cursor"
    remedy = "Start again from the first page, and use `next_cursor` or the `Link` header unchanged."


def page_request(query: dict[str, Any]) -> PageRequest:
    """Return the PageRequest for `query`, a dict loaded by PageQuery. Raises InvalidCursor."""
    cursor = query["cursor"]
    return PageRequest(query["limit"], None if cursor is None else _decode(cursor))


def page_response(page: Page[object]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the body, the status and the `Link` header (RFC 8288) for a page."""
    if page.next_after is None:
        return {"items": page.items, "next_cursor": None}, 200, {}
    cursor = _encode(page.next_after)
    return {"items": page.items, "next_cursor": cursor}, 200, {"Link": f'<{_url(cursor)}>; rel="next"'}


def _encode(after: UUID) -> str:
    return _text(after.bytes + signing.mac(_PURPOSE, _signed(after)))


def _decode(cursor: str) -> UUID:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        after, mac = UUID(bytes=raw[:16]), raw[16:]
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    # Several base64 strings decode to the same bytes. Accept only the one that `_text` produces.
    if _text(raw) != cursor or not signing.verify_mac(_PURPOSE, _signed(after), mac):
        raise InvalidCursor
    return after


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _signed(after: UUID) -> bytes:
    return json.dumps([str(after), str(g.principal.user_id), request.path, _filters()]).encode()


def _filters() -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in request.args.items() if name not in ("cursor", "limit"))


def _url(cursor: str) -> str:
    query = {**request.args.to_dict(), "cursor": cursor}
    return f"{current_settings().public_url}{request.path}?{urlencode(query)}"
