"""A ledger: what a client was promised by each 2xx, and whether all of it is there when the faults are over."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from werkzeug.wrappers import Response

from tests.kit.clients.api import Api, created, form
from tests.kit.deployment.inspection import Inspection
from tests.kit.servers.process import eventually

# What changes by itself: by jobs, or by time.
_FLEETING = {"thumbnails", "delivery", "status", "updated_at", "version"}


@dataclass(frozen=True)
class Promise:
    """Whoever was answered, and the digest of what must be read back."""

    reader: Api
    path: str
    digest: str
    members: frozenset[str] | None
    """Which members of a JSON object are meant; None for content."""

    def ensure_kept(self) -> None:
        answer = self.reader.get(self.path)
        assert answer.status_code == 200, f"lost: {self.path}: {answer.get_data(as_text=True)}"
        found = answer.data if self.members is None else _chosen(answer.get_json(), self.members)
        assert _digest(found) == self.digest, f"altered: {self.path}"


@dataclass
class Ledger:
    """Makes things as a client does, with a key each, and notes those that were answered with a 2xx."""

    behind: Inspection
    sweep: Callable[[], object]
    """Has the deployment sweep its files."""
    promises: list[Promise] = field(default_factory=list)
    invited: set[str] = field(default_factory=set)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._dead_before = self._count("jobs", "status = 'dead'")

    def session(self, user: Api) -> Api:
        """Note a session that was opened or refreshed."""
        token = user.tokens["refresh_token"]
        self.sessions[token.split(".")[0]] = {"user": user, "token": token}
        return user

    def organization(self, owner: Api, key: str | None = None) -> Response:
        """Make an organization; sent again with its key, it is the same request."""
        key = key or str(uuid4())
        answer = owner.post("/organizations", {"name": f"Ledger {key}"}, headers=_keyed(key))
        self._note(owner, answer, "/organizations/{id}")
        return answer

    def invitation(self, owner: Api, organization_id: str, key: str | None = None) -> Response:
        """Invite somebody, which causes a mail."""
        key = key or str(uuid4())
        path, body = f"/organizations/{organization_id}/invitations", {"email": f"{key}@example.net", "role": "member"}
        answer = owner.post(path, body, headers=_keyed(key))
        if self._note(owner, answer, f"{path}/{{id}}"):
            self.invited.add(body["email"])
        return answer

    def file(self, owner: Api, content: bytes, filename: str = "ledger.txt", key: str | None = None) -> Response:
        """Upload a file, which causes thumbnails if it is a picture."""
        body, content_type = form(content, filename)
        answer = owner("POST", "/files", data=body, content_type=content_type, headers=_keyed(key or str(uuid4())))
        if self._note(owner, answer, "/files/{id}"):
            path = f"/files/{answer.get_json()['id']}/content"
            self.promises.append(Promise(owner, path, _digest(content), None))
        return answer

    def ensure_nothing_lost(self, *, seconds: float = 30, dead_letters: int = 0) -> None:
        """Wait until no job is left undone; then every promise must have been kept, and nothing else be there."""
        eventually(lambda: not self.undone(), seconds)
        assert self._count("jobs", "status = 'dead'") - self._dead_before == dead_letters
        for promise in self.promises:
            promise.ensure_kept()
        self.ensure_mailed_once()
        self.ensure_one_generation()
        self.ensure_no_stray_object()

    def undone(self) -> int:
        """How many jobs are still to be done."""
        return self._count("jobs", "status NOT IN ('done', 'dead')")

    def ensure_mailed_once(self) -> None:
        """Each who was invited has one message: its copies, if it was delivered twice, are the same to the byte."""
        contents: dict[str, set[bytes]] = defaultdict(set)
        received: dict[str, set[str]] = defaultdict(set)
        for mail in self.behind.mails():
            contents[str(mail["Message-ID"])].add(mail.as_bytes())
            received[str(mail["To"])].add(str(mail["Message-ID"]))
        assert {name: len(copies) for name, copies in contents.items() if len(copies) > 1} == {}
        assert {to: len(received[to]) for to in self.invited if len(received[to]) != 1} == {}

    def ensure_one_generation(self) -> None:
        """Of each session the newest token that was given out is the only one alive, and gets its successor."""
        for session_id, session in self.sessions.items():
            user, generation = session["user"], _generation(session["token"])
            assert self.behind.rows(f"SELECT generation FROM sessions WHERE id = '{session_id}'") == [(generation,)]
            after = created(user.post("/auth/refresh", {"refresh_token": session["token"]}))["refresh_token"]
            assert _generation(after) == generation + 1
            session["token"] = after

    def ensure_no_stray_object(self) -> None:
        """The store holds exactly what belongs to visible files, once what was broken off is swept away."""
        if self._strays():
            eventually(lambda: self.sweep() and not self._strays(), 30)
        originals = {f"{key}/original" for key in self._visible()}
        assert originals <= self.behind.objects()

    def _strays(self) -> set[str]:
        visible = self._visible()
        return {key for key in self.behind.objects() if key.rpartition("/")[0] not in visible}

    def _visible(self) -> set[str]:
        rows = self.behind.rows("SELECT storage_key FROM files WHERE status IN ('stored', 'trashed')")
        return {key for (key,) in rows}

    def _count(self, table: str, condition: str) -> int:
        return int(self.behind.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])

    def _note(self, reader: Api, answer: Response, path: str) -> bool:
        if answer.status_code >= 300:
            return False
        body = answer.get_json()
        members = frozenset(body) - _FLEETING
        self.promises.append(Promise(reader, path.format(**body), _digest(_chosen(body, members)), members))
        return True


def _chosen(body: dict[str, Any], members: frozenset[str]) -> bytes:
    return json.dumps({name: body[name] for name in members}, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _generation(token: str) -> int:
    return int(token.split(".")[1])


def _keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}
