"""A ledger of everything that the API confirmed with a 2xx response, used to verify that faults cause no data loss."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from werkzeug.wrappers import Response

from tests.kit.clients.api import Api, form, success
from tests.kit.deployment.inspection import Inspection
from tests.kit.servers.process import eventually

# Members that jobs may change, or that change over time.
_VOLATILE_MEMBERS = {"thumbnails", "delivery", "status", "updated_at", "version"}


@dataclass(frozen=True)
class LedgerEntry:
    """A resource that the API confirmed to `reader`, and the digest of the content that must be read back."""

    reader: Api
    path: str
    digest: str
    members: frozenset[str] | None
    """The members of the JSON object that the digest covers; `None` for the content of a file."""

    def ensure_unchanged(self) -> None:
        response = self.reader.get(self.path)
        assert response.status_code == 200, f"lost: {self.path}: {response.get_data(as_text=True)}"
        content = response.data if self.members is None else _canonical_json(response.get_json(), self.members)
        assert _digest(content) == self.digest, f"changed: {self.path}"


@dataclass
class Ledger:
    """Creates resources as a client does, each with an idempotency key, and records those confirmed with 2xx."""

    inspection: Inspection
    purge_files: Callable[[], object]
    """Triggers the deployment's job that purges files."""
    entries: list[LedgerEntry] = field(default_factory=list)
    invited_addresses: set[str] = field(default_factory=set)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dead_before = self._count("jobs", "status = 'dead'")

    def session(self, user: Api) -> Api:
        """Record the new or refreshed session of `user`; return `user`."""
        token = user.tokens["refresh_token"]
        self.sessions[token.split(".")[0]] = {"user": user, "token": token}
        return user

    def organization(self, owner: Api, key: str | None = None) -> Response:
        """Create an organization. The same `key` produces the same request, so that it can be retried."""
        key = key or str(uuid4())
        response = owner.post("/organizations", {"name": f"Ledger {key}"}, headers=_idempotency_headers(key))
        self._record(owner, response, "/organizations/{id}")
        return response

    def invitation(self, owner: Api, organization_id: str, key: str | None = None) -> Response:
        """Create an invitation, which enqueues a job that sends an email."""
        key = key or str(uuid4())
        path, body = f"/organizations/{organization_id}/invitations", {"email": f"{key}@example.net", "role": "member"}
        response = owner.post(path, body, headers=_idempotency_headers(key))
        if self._record(owner, response, f"{path}/{{id}}"):
            self.invited_addresses.add(body["email"])
        return response

    def file(self, owner: Api, content: bytes, filename: str = "ledger.txt", key: str | None = None) -> Response:
        """Upload a file. If it is an image, this enqueues a job that creates thumbnails."""
        body, content_type = form(content, filename)
        headers = _idempotency_headers(key or str(uuid4()))
        response = owner("POST", "/files", data=body, content_type=content_type, headers=headers)
        if self._record(owner, response, "/files/{id}"):
            path = f"/files/{response.get_json()['id']}/content"
            self.entries.append(LedgerEntry(owner, path, _digest(content), None))
        return response

    def ensure_nothing_lost(self, *, seconds: float = 30, dead_letters: int = 0) -> None:
        """Wait until every present job is done or dead, then verify all entries, emails, sessions and stored objects.

        Exactly `dead_letters` jobs must have been marked dead since the ledger was created.
        """
        # Periodic jobs may be enqueued during the wait.
        present = self._unfinished_jobs()
        eventually(lambda: not present & self._unfinished_jobs(), seconds)
        assert self._count("jobs", "status = 'dead'") - self._dead_before == dead_letters
        for entry in self.entries:
            entry.ensure_unchanged()
        self.ensure_one_email_per_invitation()
        self.ensure_refresh_tokens_current()
        self.ensure_no_orphaned_objects()

    def count_unfinished_jobs(self) -> int:
        return len(self._unfinished_jobs())

    def ensure_one_email_per_invitation(self) -> None:
        """Fail unless each invited address received exactly one message. Repeated deliveries must be byte-identical."""
        contents: dict[str, set[bytes]] = defaultdict(set)
        received: dict[str, set[str]] = defaultdict(set)
        for message in self.inspection.emails():
            contents[str(message["Message-ID"])].add(message.as_bytes())
            received[str(message["To"])].add(str(message["Message-ID"]))
        assert {message_id: len(copies) for message_id, copies in contents.items() if len(copies) > 1} == {}
        assert {to: len(received[to]) for to in self.invited_addresses if len(received[to]) != 1} == {}

    def ensure_refresh_tokens_current(self) -> None:
        """Fail unless the newest refresh token of each session has the current generation and is accepted."""
        for session_id, session in self.sessions.items():
            user, generation = session["user"], _generation(session["token"])
            assert self.inspection.rows(f"SELECT generation FROM sessions WHERE id = '{session_id}'") == [(generation,)]
            successor = success(user.post("/auth/refresh", {"refresh_token": session["token"]}))["refresh_token"]
            assert _generation(successor) == generation + 1
            session["token"] = successor

    def ensure_no_orphaned_objects(self) -> None:
        """Fail unless every visible file has its object and, after a purge, every object belongs to a visible file."""
        if self._orphaned_objects():
            eventually(lambda: self.purge_files() and not self._orphaned_objects(), 30)
        originals = {f"{key}/original" for key in self._visible_keys()}
        assert originals <= self.inspection.objects()

    def _unfinished_jobs(self) -> set[str]:
        return {
            str(job_id)
            for (job_id,) in self.inspection.rows("SELECT id FROM jobs WHERE status NOT IN ('done', 'dead')")
        }

    def _orphaned_objects(self) -> set[str]:
        visible = self._visible_keys()
        return {key for key in self.inspection.objects() if key.rpartition("/")[0] not in visible}

    def _visible_keys(self) -> set[str]:
        rows = self.inspection.rows("SELECT storage_key FROM files WHERE status IN ('stored', 'trashed')")
        return {key for (key,) in rows}

    def _count(self, table: str, condition: str) -> int:
        return int(self.inspection.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])

    def _record(self, reader: Api, response: Response, path: str) -> bool:
        if response.status_code >= 300:
            return False
        body = response.get_json()
        members = frozenset(body) - _VOLATILE_MEMBERS
        digest = _digest(_canonical_json(body, members))
        self.entries.append(LedgerEntry(reader, path.format(**body), digest, members))
        return True


def _canonical_json(body: dict[str, Any], members: frozenset[str]) -> bytes:
    return json.dumps({name: body[name] for name in members}, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _generation(token: str) -> int:
    return int(token.split(".")[1])


def _idempotency_headers(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}
