"""The floor: the least that each route can cost. Bare Flask with psycopg, PyJWT and orjson.

It does the same semantic work as the project, so that the comparison is honest: each request verifies the access token,
reads the session and its user in one statement, writes one log line, and sends the same headers and the same members
in the same number of bytes, with a request id and an ETag. What it leaves out is what the project adds: strict
validation, access declarations, rate limits, retries, idempotency, and surviving failures.

It uses the tables, tokens and files of the project, so that both can be measured on the same data.
"""

import hashlib
import hmac
import os
import secrets
import sys
import tempfile
import threading
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
import psycopg
import uuid_utils.compat
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask, Response, g, request, send_file
from psycopg.rows import dict_row
from slugify import slugify
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

_DATABASE = os.environ["DATABASE_URL"]
_URL = os.environ["PUBLIC_URL"]
_FOLDER = Path(os.environ["DATA_DIR"]) / "floor"
_SECRET = os.environ["SECRET_KEY"].encode()
_PRIVATE_KEY: Any = load_pem_private_key(os.environ["JWT_KEYS"].encode(), None)
_PUBLIC_KEY = _PRIVATE_KEY.public_key()
_CHUNK_BYTES = 256 * 1024
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PRINCIPAL = """
SELECT sessions.id AS session_id, users.* FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = %s AND ended_at IS NULL AND expires_at > %s AND idle_until > %s AND users.status = 'active'
"""
_FILE_COLUMNS = """id, filename, content_type, size, sha256, owner_id, organization_id, status, thumbnails,
thumbnail_sizes, created_at, updated_at, trashed_at, storage_key"""
_FILES = f"""
SELECT {_FILE_COLUMNS} FROM files WHERE organization_id IS NULL
AND (owner_id, status, id) < (%s, 'stored', %s) AND (owner_id, status, id) >= (%s, 'stored', %s)
ORDER BY owner_id DESC, status DESC, id DESC LIMIT %s
"""
_ORGANIZATIONS = """
SELECT organizations.id, name, slug, role, organizations.created_at, organizations.updated_at
FROM memberships JOIN organizations ON organizations.id = memberships.organization_id
WHERE (memberships.user_id, memberships.organization_id) < (%s, %s)
AND (memberships.user_id, memberships.organization_id) >= (%s, %s)
ORDER BY memberships.user_id DESC, memberships.organization_id DESC LIMIT %s
"""
_ADD_ORGANIZATION = """
INSERT INTO organizations (id, name, slug, created_at, updated_at, version) VALUES (%s, %s, %s, %s, %s, 1)
ON CONFLICT DO NOTHING RETURNING id
"""
_ADD_MEMBERSHIP = """
INSERT INTO memberships (id, organization_id, user_id, role, created_at, updated_at) VALUES (%s, %s, %s, %s, %s, %s)
"""
_ADD_AUDIT_ENTRY = """
INSERT INTO audit_entries (id, at, actor_id, action, target_type, target_id, organization_id, ip_address, outcome)
VALUES (%s, %s, %s, 'organizations.create_organization', 'organization', %s, %s, %s, 'success')
"""
_ADD_SESSION = """
INSERT INTO sessions (id, user_id, generation, rotated_at, authenticated_at, methods, idle_until, expires_at,
user_agent, ip_address, created_at, updated_at) VALUES (%s, %s, 1, %s, %s, '["password"]', %s, %s, '', '', %s, %s)
"""
_ROTATE = """
UPDATE sessions SET generation = generation + 1, rotated_at = %s, idle_until = %s
WHERE id = %s AND generation = %s AND ended_at IS NULL AND expires_at > %s AND idle_until > %s
AND EXISTS (SELECT FROM users WHERE users.id = user_id AND users.status = 'active') RETURNING user_id
"""
_ADD_FILE = f"""
INSERT INTO files (id, owner_id, storage_key, status, filename, content_type, size, sha256, thumbnails,
thumbnail_sizes, created_at, updated_at, version)
VALUES (%s, %s, %s, 'stored', %s, 'application/pdf', %s, %s, 'unsupported', '', %s, %s, 1) RETURNING {_FILE_COLUMNS}
"""
_MAX_ID, _MIN_ID = UUID(int=2**128 - 1), UUID(int=0)
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_local = threading.local()

app = Flask(__name__, static_folder=None)


@app.before_request
def _start() -> None:
    g.began, g.request_id = time.perf_counter(), str(uuid_utils.compat.uuid7())
    if request.endpoint in ("log_in", "refresh"):
        return
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    claims = jwt.decode(token, _PUBLIC_KEY, algorithms=["EdDSA"], audience=_URL, issuer=_URL, leeway=30)
    at = datetime.now(UTC)
    g.user = _connection().execute(_PRINCIPAL, [claims["sid"], at, at]).fetchone()
    assert str(g.user["id"]) == claims["sub"]


@app.after_request
def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-ID"] = g.request_id
    line = {
        "status": response.status_code,
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "problem": None,
        "duration_ms": round((time.perf_counter() - g.began) * 1000, 1),
        "event": "request",
        "request_id": g.request_id,
        "trace_id": secrets.token_hex(16),
        "user_id": g.user["id"] if "user" in g else None,
        "session_id": g.user["session_id"] if "user" in g else None,
        "level": "info",
        "timestamp": datetime.now(UTC),
    }
    sys.stderr.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stderr.buffer.flush()
    return response


@app.get("/api/v1/auth/me")
def get_me() -> Response:
    """Return the caller, with an ETag."""
    user = g.user
    names = ("id", "email", "email_verified", "display_name", "role", "status")
    body = {name: user[name] for name in names} | _times(user, "created_at", "updated_at")
    response = _json(body)
    digest = hashlib.sha256(response.get_data()).hexdigest()[:16]
    response.set_etag(f"{user['version']}-{digest}{_mac(digest.encode()).hex()}")
    return response


@app.get("/api/v1/files")
def list_files() -> Response:
    """Return a page of the caller's files."""
    limit, user_id = int(request.args.get("limit", 20)), g.user["id"]
    arguments = [user_id, _after(), user_id, _MIN_ID, limit + 1]
    return _page(_connection().execute(_FILES, arguments).fetchall(), limit, _file)


@app.get("/api/v1/organizations")
def list_organizations() -> Response:
    """Return a page of the caller's organizations."""
    limit, user_id = int(request.args.get("limit", 20)), g.user["id"]
    arguments = [user_id, _after(), user_id, _MIN_ID, limit + 1]
    return _page(_connection().execute(_ORGANIZATIONS, arguments).fetchall(), limit, _organization)


@app.post("/api/v1/organizations")
def create_organization() -> Response:
    """Create an organization, its owner's membership and an audit entry in one transaction."""
    name, at, organization_id = orjson.loads(request.get_data())["name"], datetime.now(UTC), uuid_utils.compat.uuid7()
    assert isinstance(name, str)
    row = {"id": organization_id, "name": name, "slug": slugify(name), "role": "owner"}
    connection = _connection()
    with connection.transaction():
        connection.execute(_ADD_ORGANIZATION, [organization_id, name, row["slug"], at, at])
        connection.execute(_ADD_MEMBERSHIP, [uuid_utils.compat.uuid7(), organization_id, g.user["id"], "owner", at, at])
        entry = [uuid_utils.compat.uuid7(), at, g.user["id"], organization_id, organization_id, request.remote_addr]
        connection.execute(_ADD_AUDIT_ENTRY, entry)
    response = _json(_organization(row | {"created_at": at, "updated_at": at}), 201)
    response.headers["Location"] = f"{_URL}/api/v1/organizations/{organization_id}"
    return response


@app.post("/api/v1/auth/login")
def log_in() -> Response:
    """Verify a password and open a session."""
    body, at, connection = orjson.loads(request.get_data()), datetime.now(UTC), _connection()
    user = connection.execute("SELECT * FROM users WHERE email_key = %s", [body["email"].lower()]).fetchone()
    assert user
    _hasher.verify(user["password_hash"], body["password"])
    session_id = uuid_utils.compat.uuid7()
    idle_until, expires_at = at + timedelta(days=7), at + timedelta(days=30)
    connection.execute(_ADD_SESSION, [session_id, user["id"], at, at, idle_until, expires_at, at, at])
    return _tokens(user["id"], session_id, 1)


@app.post("/api/v1/auth/refresh")
def refresh() -> Response:
    """Advance the session and return its next tokens."""
    token, at = orjson.loads(request.get_data())["refresh_token"], datetime.now(UTC)
    session_id, generation, mac = token.split(".")
    assert hmac.compare_digest(_refresh_mac(f"{session_id}.{generation}"), mac)
    arguments = [at, at + timedelta(days=7), UUID(session_id), int(generation), at, at]
    row = _connection().execute(_ROTATE, arguments).fetchone()
    assert row
    return _tokens(row["user_id"], UUID(session_id), int(generation) + 1)


@app.post("/api/v1/files")
def upload_file() -> Response:
    """Stream a file to disk while hashing it, and insert its row."""
    digest, size, at, file_id = hashlib.sha256(), 0, datetime.now(UTC), uuid_utils.compat.uuid7()
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=_FOLDER, delete=False) as file:
        for chunk in _chunks():
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(_FOLDER / file_id.hex)
    arguments = [file_id, g.user["id"], f"floor/{file_id.hex}", g.filename, size, digest.hexdigest(), at, at]
    row = _connection().execute(_ADD_FILE, arguments).fetchone()
    response = _json(_file(row), 201)
    response.headers["Location"] = f"{_URL}/api/v1/files/{file_id}"
    return response


@app.get("/api/v1/files/<uuid:file_id>/content")
def get_content(file_id: UUID) -> Response:
    """Send a file with `sendfile`."""
    file = _connection().execute(f"SELECT {_FILE_COLUMNS} FROM files WHERE id = %s", [file_id]).fetchone()
    assert file
    assert file["owner_id"] == g.user["id"]
    path, name = _FOLDER / file_id.hex, file["filename"]
    response = send_file(path, "application/pdf", etag=file["sha256"], as_attachment=True, download_name=name)
    del response.headers["Last-Modified"]
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(file['sha256'])).decode()}:"
    return response


def _connection() -> psycopg.Connection[dict[str, Any]]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(_DATABASE, autocommit=True, row_factory=dict_row, options="-c timezone=UTC")
    connection: psycopg.Connection[dict[str, Any]] = _local.connection
    return connection


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE), status, mimetype="application/json")


def _page(rows: list[dict[str, Any]], limit: int, item: Any) -> Response:
    items = [item(row) for row in rows[:limit]]
    cursor = None
    if len(rows) > limit:
        after = items[-1]["id"]
        cursor = urlsafe_b64encode(after.bytes + _mac(after.bytes + request.path.encode())).decode().rstrip("=")
    response = _json({"items": items, "next_cursor": cursor})
    if cursor:
        response.headers["Link"] = f'<{_URL}{request.path}?limit={limit}&cursor={cursor}>; rel="next"'
    return response


def _after() -> UUID:
    cursor = request.args.get("cursor")
    if cursor is None:
        return _MAX_ID
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert hmac.compare_digest(_mac(raw[:16] + request.path.encode()), raw[16:])
    return UUID(bytes=raw[:16])


def _file(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "filename": row["filename"],
        "content_type": row["content_type"],
        "size": row["size"],
        "sha256": row["sha256"],
        "owner_id": row["owner_id"],
        "organization_id": row["organization_id"],
        "status": row["status"],
        "thumbnails": {
            "status": row["thumbnails"],
            "sizes": row["thumbnail_sizes"].split(",") if row["thumbnail_sizes"] else [],
        },
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "trashed_at": row["trashed_at"] and _time(row["trashed_at"]),
    }


def _organization(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "slug", "role")} | _times(row, "created_at", "updated_at")


def _times(row: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: _time(row[name]) for name in names}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _tokens(user_id: UUID, session_id: UUID, generation: int) -> Response:
    at, refresh_token = int(time.time()), f"{session_id.hex}.{generation}"
    claims = {"sub": str(user_id), "sid": str(session_id), "aud": _URL, "iss": _URL, "iat": at, "nbf": at}
    claims |= {"exp": at + 600, "jti": str(uuid4()), "client_id": "first-party", "gen": generation}
    body = {
        "access_token": jwt.encode(claims, _PRIVATE_KEY, "EdDSA", headers={"typ": "at+jwt", "kid": "k" * 43}),
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": f"{refresh_token}.{_refresh_mac(refresh_token)}",
        "refresh_expires_in": 604799,
        "session_id": session_id,
    }
    return _json(body)


def _refresh_mac(token: str) -> str:
    return urlsafe_b64encode(_mac(token.encode())).decode().rstrip("=")


def _mac(message: bytes) -> bytes:
    return hmac.digest(_SECRET, message, "sha256")


def _chunks() -> Any:
    decoder = MultipartDecoder(request.mimetype_params["boundary"].encode(), max_form_memory_size=2 * _CHUNK_BYTES)
    while True:
        event = decoder.next_event()
        if isinstance(event, NeedData):
            decoder.receive_data(request.stream.read(_CHUNK_BYTES) or None)
        elif isinstance(event, File):
            g.filename = event.filename
        elif isinstance(event, Data):
            yield bytes(event.data)
        elif isinstance(event, Epilogue | Field):
            return
