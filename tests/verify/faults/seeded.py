"""Seeded faults: for each step, at least one fault that this step, and no other, must detect."""

from tests.verify.faults.changes import (
    REMOVED,
    delay,
    drop_connection,
    flipped_bit,
    with_content,
    with_header,
    with_members,
    with_problem,
    with_status,
    with_text,
)
from tests.verify.faults.proxy import Fault

_ID = "0198b2d0-0000-7000-8000-000000000000"
_PAIR = {
    "access_token": "a" * 64,
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "r" * 64,
    "refresh_expires_in": 2592000,
    "session_id": _ID,
}
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
_OTHER_WEBP = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + bytes(14)

_ENDED_SESSION = (
    Fault("access token still valid", with_status(200, {"id": _ID}), at=1),
    Fault("refresh token still valid", with_status(200, _PAIR), at=2),
    Fault("token-invalid instead of token-revoked", with_problem(401, "token-invalid"), at=1),
)
_THUMBNAIL = (
    Fault("PNG", with_content(lambda _: _PNG)),
    Fault("another size", with_content(lambda _: _OTHER_WEBP)),
    Fault("truncated", with_content(lambda content: content[:-1])),
    Fault("JPEG in Content-Type", with_header("Content-Type", "image/jpeg")),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "alive": (Fault("failing", with_members(status="failing")), Fault("connection dropped", drop_connection)),
    "ready": (
        Fault("broker unavailable", with_members(status="degraded")),
        Fault("database unavailable", with_status(503, {"status": "failing", "checks": {}})),
    ),
    "register": (
        Fault("200 instead of 201", with_status(200)),
        Fault("email address already verified", with_members(email_verified=True)),
        Fault("time without time zone", with_members(created_at="2026-01-01T00:00:00")),
    ),
    "email taken": (
        Fault("second account created", with_status(201, {"id": _ID})),
        Fault("another code", with_problem(409, "conflict")),
    ),
    "wrong password": (
        Fault("accepted", with_status(200, _PAIR)),
        Fault("account revealed", with_problem(403, "account-disabled")),
    ),
    "log in": (
        Fault("no refresh token", with_members(refresh_token=REMOVED)),
        Fault("another token type", with_members(token_type="mac")),
        Fault("not JSON", with_header("Content-Type", "text/plain")),
    ),
    "profile": (
        Fault("another user", with_members(id=_ID)),
        Fault("internal error", with_problem(500, "internal-error")),
        Fault("truncated JSON", with_content(lambda content: content[:-2])),
        Fault("response after timeout", delay, timeout_seconds=2),
    ),
    "stale update": (
        Fault("accepted", with_status(200), at=3),
        Fault("another code", with_problem(409, "conflict"), at=3),
        Fault("no ETag", with_header("ETag", None), at=1),
    ),
    "no token": (
        Fault("accepted", with_status(200, {"id": _ID})),
        Fault("no WWW-Authenticate", with_header("WWW-Authenticate", None)),
    ),
    "refresh": (
        Fault("another session", with_members(session_id=_ID)),
        Fault("unusable access token", with_members(access_token="a" * 64)),
        Fault("new access token rejected", with_problem(401, "token-invalid"), at=2),
    ),
    "retried refresh": (
        Fault("treated as reuse", with_problem(401, "refresh-token-reused")),
        Fault("another session", with_members(session_id=_ID)),
    ),
    "reused token": (
        Fault("accepted", with_status(200, _PAIR), at=2),
        Fault("another code", with_problem(401, "refresh-token-invalid"), at=2),
    ),
    "ended session": _ENDED_SESSION,
    "log in again": (Fault("rejected", with_problem(401, "invalid-credentials")),),
    "upload": (
        Fault("another digest", with_members(sha256="0" * 64)),
        Fault("type declared by the client", with_members(content_type="application/octet-stream")),
        Fault("no Location", with_header("Location", None)),
        Fault("another owner", with_members(owner_id=_ID)),
    ),
    "listing": (
        Fault("empty", with_members(items=[])),
        Fault("another page announced", with_members(next_cursor="more")),
    ),
    "download": (
        Fault("bit flipped", with_content(flipped_bit)),
        Fault("no ETag", with_header("ETag", None)),
        Fault("weak ETag", with_header("ETag", 'W/"1"')),
        Fault("inline disposition", with_header("Content-Disposition", "inline")),
        Fault("no nosniff", with_header("X-Content-Type-Options", None)),
    ),
    "byte range": (
        Fault("whole file", with_status(200)),
        Fault("one byte too many", with_content(lambda content: content + b"!")),
        Fault("another Content-Range", with_header("Content-Range", "bytes 0-999/61306")),
    ),
    "not modified": (Fault("200 instead of 304", with_status(200), at=2),),
    "thumbnails": (
        Fault("always pending", with_members(thumbnails={"status": "pending", "sizes": []}), None, 2),
        Fault("failed", with_members(thumbnails={"status": "failed", "sizes": []}), None),
        Fault("only one size", with_members(thumbnails={"status": "ready", "sizes": ["small"]}), None),
    ),
    "small thumbnail": _THUMBNAIL,
    "large thumbnail": _THUMBNAIL,
    "organization": (
        Fault("creator is only a member", with_members(role="member")),
        Fault("not readable", with_problem(404, "not-found"), at=2),
    ),
    "idempotency": (
        Fault("another organization created", with_members(id=_ID)),
        Fault("no Idempotency-Replayed", with_header("Idempotency-Replayed", None)),
        Fault("two organizations listed", with_members(items=[{"id": _ID}, {"id": _ID}]), at=2),
    ),
    "invite": (
        Fault("another role", with_members(role="admin")),
        Fault("another inviter", with_members(invited_by={"id": _ID, "display_name": "Eve"})),
        Fault("rejected", with_problem(403, "permission-denied")),
    ),
    "invitation email": (
        Fault("never arrives", with_members(items=[]), None, 2),
        Fault("token in the query", with_text("#token=", "?token="), None),
        Fault("no mailbox", with_problem(404, "not-found"), None),
    ),
    "look up": (
        Fault("another organization", with_members(organization_name="Eve Inc")),
        Fault("account exists", with_members(account_exists=True)),
    ),
    "colleague": (
        Fault("registration rejected", with_problem(403, "permission-denied")),
        Fault("email address already verified", with_members(email_verified=True)),
        Fault("login rejected", with_problem(401, "invalid-credentials"), at=2),
    ),
    "accept": (
        Fault("another role", with_members(role="owner")),
        Fault("email address not verified", with_members(email_verified=False), at=2),
        Fault("rejected", with_problem(410, "invitation-expired")),
    ),
    "accept again": (
        Fault("accepted twice", with_status(200, {"user_id": _ID})),
        Fault("another code", with_problem(409, "already-a-member")),
    ),
    "members": (
        Fault("empty", with_members(items=[])),
        Fault("another role", with_text('"member"', '"owner"')),
    ),
    "non member": (
        Fault("organization readable", with_status(200, {"id": _ID}), at=3),
        Fault("organization revealed", with_problem(403, "permission-denied"), at=3),
        Fault("members readable", with_status(200, {"items": [], "next_cursor": None}), at=4),
    ),
    "shared file": (
        Fault("stored as personal", with_members(organization_id=None)),
        Fault("not listed", with_members(items=[]), at=2),
        Fault("not readable", with_problem(404, "not-found"), at=3),
    ),
    "hidden file": (
        Fault("metadata readable", with_status(200, {"id": _ID}), at=1),
        Fault("content readable", with_status(200), at=2),
        Fault("listing readable", with_status(200, {"items": [], "next_cursor": None}), at=3),
    ),
    "delete file": (
        Fault("200 instead of 204", with_status(200)),
        Fault("content still readable", with_status(200), at=2),
        Fault("still listed", with_members(items=[{"id": _ID}]), at=3),
    ),
    "unknown path": (
        Fault("HTML page", with_header("Content-Type", "text/html")),
        Fault("another request id in the header", with_header("X-Request-ID", "another-request-of-someone")),
        Fault("another request id in the body", with_problem(404, "not-found", request_id="mine")),
        Fault("no title", with_problem(404, "not-found", title="")),
        Fault("type is not a URL", with_problem(404, "not-found", type="about:blank")),
        Fault("another path in instance", with_problem(404, "not-found", instance="/")),
    ),
    "invalid body": (
        Fault("accepted", with_status(201, {"id": _ID})),
        Fault("empty errors", with_members(errors=[])),
        Fault("no errors", with_members(errors=REMOVED)),
        Fault("errors without pointers", with_members(errors=["/email"])),
    ),
    "log out": (
        Fault("rejected", with_problem(401, "token-expired")),
        Fault("200 instead of 204", with_status(200)),
    ),
    "logged out": _ENDED_SESSION,
}
