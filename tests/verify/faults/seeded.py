"""For each step at least one fault that this step, and no other, must find."""

from tests.verify.faults.changes import (
    GONE,
    answer,
    content,
    dawdle,
    flipped_bit,
    hang_up,
    header,
    member,
    problem,
    text,
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

_ENDED = (
    Fault("the access token lives on", answer(200, {"id": _ID}), at=1),
    Fault("the refresh token lives on", answer(200, _PAIR), at=2),
    Fault("the access token is called malformed", problem(401, "token-invalid"), at=1),
)
_THUMBNAIL = (
    Fault("is PNG", content(lambda _: _PNG)),
    Fault("has another size", content(lambda _: _OTHER_WEBP)),
    Fault("is cut off", content(lambda whole: whole[:-1])),
    Fault("is called JPEG", header("Content-Type", "image/jpeg")),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "alive": (Fault("is dying", member(status="failing")), Fault("hangs up", hang_up)),
    "ready": (
        Fault("broker is away", member(status="degraded")),
        Fault("database is away", answer(503, {"status": "failing", "checks": {}})),
    ),
    "register": (
        Fault("200 instead of 201", answer(200)),
        Fault("born verified", member(email_verified=True)),
        Fault("time without zone", member(created_at="2026-01-01T00:00:00")),
    ),
    "address taken": (
        Fault("a second account", answer(201, {"id": _ID})),
        Fault("another code", problem(409, "conflict")),
    ),
    "wrong password": (
        Fault("any password will do", answer(200, _PAIR)),
        Fault("tells that the account is there", problem(403, "account-disabled")),
    ),
    "log in": (
        Fault("no refresh token", member(refresh_token=GONE)),
        Fault("another type of token", member(token_type="mac")),
        Fault("no JSON", header("Content-Type", "text/plain")),
    ),
    "me": (
        Fault("is somebody else", member(id=_ID)),
        Fault("internal error", problem(500, "internal-error")),
        Fault("cut-off JSON", content(lambda whole: whole[:-2])),
        Fault("dawdles", dawdle, patience_seconds=2),
    ),
    "changed meanwhile": (
        Fault("the last one wins", answer(200), at=3),
        Fault("another code", problem(409, "conflict"), at=3),
        Fault("nothing says which version it is", header("ETag", None), at=1),
    ),
    "no token": (
        Fault("lets anyone in", answer(200, {"id": _ID})),
        Fault("no challenge", header("WWW-Authenticate", None)),
    ),
    "refresh": (
        Fault("another session", member(session_id=_ID)),
        Fault("the new token is worth nothing", member(access_token="a" * 64)),
        Fault("the new token is refused", problem(401, "token-invalid"), at=2),
    ),
    "lost answer": (
        Fault("is punished", problem(401, "refresh-token-reused")),
        Fault("begins another session", member(session_id=_ID)),
    ),
    "replay refused": (
        Fault("accepted", answer(200, _PAIR), at=2),
        Fault("not seen as a replay", problem(401, "refresh-token-invalid"), at=2),
    ),
    "session ended": _ENDED,
    "log in again": (Fault("locked out", problem(401, "invalid-credentials")),),
    "upload": (
        Fault("another digest", member(sha256="0" * 64)),
        Fault("type as the client said", member(content_type="application/octet-stream")),
        Fault("no Location", header("Location", None)),
        Fault("of nobody", member(owner_id=_ID)),
    ),
    "listing": (
        Fault("is empty", member(items=[])),
        Fault("has no end", member(next_cursor="more")),
    ),
    "download": (
        Fault("a bit has flipped", content(flipped_bit)),
        Fault("no ETag", header("ETag", None)),
        Fault("a weak ETag", header("ETag", 'W/"1"')),
        Fault("opens in the browser", header("Content-Disposition", "inline")),
        Fault("may be sniffed", header("X-Content-Type-Options", None)),
    ),
    "range of bytes": (
        Fault("the whole file", answer(200)),
        Fault("a byte too many", content(lambda some: some + b"!")),
        Fault("another range", header("Content-Range", "bytes 0-999/61306")),
    ),
    "not modified": (Fault("sends it again", answer(200), at=2),),
    "thumbnails": (
        Fault("never come", member(thumbnails={"status": "pending", "sizes": []}), None, 2),
        Fault("failed", member(thumbnails={"status": "failed", "sizes": []}), None),
        Fault("only one", member(thumbnails={"status": "ready", "sizes": ["small"]}), None),
    ),
    "small thumbnail": _THUMBNAIL,
    "large thumbnail": _THUMBNAIL,
    "organization": (
        Fault("its maker is a mere member", member(role="member")),
        Fault("cannot be read back", problem(404, "not-found"), at=2),
    ),
    "repeated": (
        Fault("makes another one", member(id=_ID)),
        Fault("does not say that it is the same answer", header("Idempotency-Replayed", None)),
        Fault("is there twice", member(items=[{"id": _ID}, {"id": _ID}]), at=2),
    ),
    "invite": (
        Fault("as an admin", member(role="admin")),
        Fault("by somebody else", member(invited_by={"id": _ID, "display_name": "Eve"})),
        Fault("forbidden", problem(403, "permission-denied")),
    ),
    "mail": (
        Fault("never comes", member(items=[]), None, 2),
        Fault("token where servers log it", text("#token=", "?token="), None),
        Fault("no mailbox", problem(404, "not-found"), None),
    ),
    "look up": (
        Fault("another organization", member(organization_name="Eve Inc")),
        Fault("takes the account for an old one", member(account_exists=True)),
    ),
    "colleague": (
        Fault("may not register", problem(403, "permission-denied")),
        Fault("verified before any proof", member(email_verified=True)),
        Fault("may not sign in", problem(401, "invalid-credentials"), at=2),
    ),
    "accept": (
        Fault("becomes owner", member(role="owner")),
        Fault("address still unverified", member(email_verified=False), at=2),
        Fault("gone", problem(410, "invitation-expired")),
    ),
    "accepted once": (
        Fault("accepted twice", answer(200, {"user_id": _ID})),
        Fault("another refusal", problem(409, "already-a-member")),
    ),
    "members": (
        Fault("only one", member(items=[])),
        Fault("all are owners", text('"member"', '"owner"')),
    ),
    "stranger": (
        Fault("sees it", answer(200, {"id": _ID}), at=3),
        Fault("learns that it exists", problem(403, "permission-denied"), at=3),
        Fault("sees its members", answer(200, {"items": [], "next_cursor": None}), at=4),
    ),
    "shared file": (
        Fault("became personal", member(organization_id=None)),
        Fault("not in the listing", member(items=[]), at=2),
        Fault("cannot be read", problem(404, "not-found"), at=3),
    ),
    "hidden file": (
        Fault("can be seen", answer(200, {"id": _ID}), at=1),
        Fault("can be read", answer(200), at=2),
        Fault("is listed", answer(200, {"items": [], "next_cursor": None}), at=3),
    ),
    "delete file": (
        Fault("200 instead of 204", answer(200)),
        Fault("can still be read", answer(200), at=2),
        Fault("is still listed", member(items=[{"id": _ID}]), at=3),
    ),
    "unknown path": (
        Fault("a page", header("Content-Type", "text/html")),
        Fault("the id of another request", header("X-Request-ID", "another-request-of-someone")),
        Fault("does not keep our id", problem(404, "not-found", request_id="mine")),
        Fault("no title", problem(404, "not-found", title="")),
        Fault("a type that is no address", problem(404, "not-found", type="about:blank")),
        Fault("another path", problem(404, "not-found", instance="/")),
    ),
    "invalid body": (
        Fault("accepted", answer(201, {"id": _ID})),
        Fault("points at nothing", member(errors=[])),
        Fault("no errors", member(errors=GONE)),
        Fault("errors of another shape", member(errors=["/email"])),
    ),
    "log out": (Fault("refused", problem(401, "token-expired")), Fault("200 instead of 204", answer(200))),
    "logged out": _ENDED,
}
