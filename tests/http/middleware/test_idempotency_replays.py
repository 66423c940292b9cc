"""Stored responses for idempotency keys: what is stored, for how long, and who receives a replay."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from project.blueprints.files.models import File
from project.blueprints.organizations.models import Membership, Organization
from project.config import Settings
from project.http.routing.access import public
from project.infrastructure.clock import now
from project.infrastructure.database import insert_if_absent, read, transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.kit.clients.api import PASSWORD, Api, form, problem, success
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = {"Idempotency-Key": "one"}
REPLAYED = "Idempotency-Replayed"


def list_records(app: Flask) -> list[Any]:
    with app.app_context(), read() as connection:
        return list(connection.execute(select(IdempotencyRecord.__table__)))


def execute(app: Flask, statement: Any) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(statement)


def create_organization(api: Api, **members: Any) -> TestResponse:
    return api.post("/organizations", {"name": "Engines", **members}, headers=KEY)


def upload(api: Api, **fields: str) -> TestResponse:
    body, content_type = form(b"hello", "hello.txt", **fields)
    return api("POST", "/files", data=body, content_type=content_type, headers=KEY)


def test_record_expires_after_configured_time(settings: Settings) -> None:
    with application(settings.model_copy(update={"idempotency_key_ttl_seconds": 60})) as app:
        create_organization(Api(app.test_client()).as_new_user())
        [record] = list_records(app)
    assert timedelta(seconds=50) < record.expires_at - now() <= timedelta(seconds=60)


def test_expired_key_can_be_used_again(app: Flask, api: Api) -> None:
    ada = api.as_new_user()
    first = create_organization(ada)
    execute(app, update(IdempotencyRecord).values(expires_at=now() - timedelta(seconds=1)))
    second, third = create_organization(ada), create_organization(ada)
    assert success(first)["id"] != success(second)["id"]
    assert (third.json, REPLAYED in third.headers) == (second.json, True)


def test_logged_out_caller_gets_no_replay(api: Api) -> None:
    ada = api.as_new_user()
    success(create_organization(ada))
    assert ada.post("/auth/logout").status_code == 204
    problem(create_organization(ada), 401, "token-revoked")


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        (delete(Membership), 404, "not-found"),
        (update(Membership).values(role="member"), 403, "permission-denied"),
    ],
)
def test_caller_without_permission_gets_no_replay(app: Flask, api: Api, statement: Any, status: int, code: str) -> None:
    owner, body = api.as_new_user(), {"email": "guest@example.com", "role": "member"}
    path = f"/organizations/{owner.organization()['id']}/invitations"
    success(owner.post(path, body, headers=KEY))
    execute(app, statement)
    problem(owner.post(path, body, headers=KEY), status, code)


def test_former_member_gets_no_replay_of_an_upload(app: Flask, api: Api, settings: Settings) -> None:
    ada = api.as_new_user()
    organization_id = ada.organization()["id"]
    success(upload(ada, organization_id=organization_id))
    execute(app, delete(Membership))
    problem(upload(ada, organization_id=organization_id), 404, "not-found")
    with app.app_context(), read() as connection:
        assert connection.scalar(select(func.count()).select_from(File)) == 1
    assert len([path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]) == 1


def test_error_response_is_not_stored(app: Flask, api: Api) -> None:
    ada = api.as_new_user()
    taken = ada.organization(slug="taken")
    problem(create_organization(ada, slug="taken"), 409, "slug-taken")
    assert list_records(app) == []
    execute(app, update(Organization).where(Organization.id == UUID(taken["id"])).values(slug="other"))
    assert REPLAYED not in create_organization(ada, slug="taken").headers
    assert REPLAYED in create_organization(ada, slug="taken").headers


def failing_once(outcome: Callable[[], Any]) -> Callable[[], Any]:
    """Return a view that creates an organization and returns `outcome()` on the first call and "done" after that."""
    calls: list[int] = []

    def view() -> Any:
        calls.append(1)
        with transaction():
            insert_if_absent(Organization, {"id": new_id(), "name": "Effect", "slug": f"effect-{len(calls)}"})
        return outcome() if len(calls) == 1 else "done"

    return view


@pytest.mark.parametrize(
    ("outcome", "status"), [(lambda: 1 / 0, 500), (lambda: ("no", 503), 503), (lambda: ("no", 409), 409)]
)
def test_response_of_failed_request_is_not_stored_and_its_effects_are_rolled_back(
    app: Flask, api: Api, outcome: Callable[[], Any], status: int
) -> None:
    app.add_url_rule("/try", view_func=failing_once(outcome), methods=["POST"], access=public)
    assert api.client.post("/try", headers=KEY).status_code == status
    assert [api.client.post("/try", headers=KEY).text for _ in range(2)] == ["done", "done"]
    with app.app_context(), read() as connection:
        assert connection.scalars(select(Organization.slug)).all() == ["effect-2"]


def respond_with_headers() -> Response:
    response = Response("{}", 201, mimetype="application/json")
    response.headers.extend({"Location": "/there", "ETag": '"one"', "Link": ["</a>; rel=next", "</b>; rel=prev"]})
    return response


def test_replay_has_stored_headers_and_a_new_request_id(app: Flask, api: Api) -> None:
    app.add_url_rule("/headed", view_func=respond_with_headers, methods=["POST"], access=public)
    first, replayed = (api.client.post("/headed", headers=KEY) for _ in range(2))
    for name in ("Location", "ETag", "Link", "Content-Type", "Content-Length", "X-Frame-Options", "Cache-Control"):
        assert replayed.headers.getlist(name) == first.headers.getlist(name) != [], name
    assert replayed.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert dict(replayed.headers).keys() - dict(first.headers).keys() == {REPLAYED}


def test_replayed_upload_response_has_location_header(api: Api) -> None:
    ada = api.as_new_user()
    first, replayed = upload(ada), upload(ada)
    assert replayed.headers["Location"] == first.headers["Location"]
    assert replayed.headers["Location"].endswith(success(ada.get("/files"))["items"][0]["id"])


def test_neither_the_password_nor_an_unkeyed_hash_is_stored(app: Flask, api: Api) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD}
    success(api.post("/auth/register", body, headers=KEY))
    [record] = list_records(app)
    stored = record.digest + record.fingerprint + record.body + json.dumps(record.headers).encode()
    assert PASSWORD.encode() not in stored
    for unkeyed in unkeyed_hashes(body):
        assert unkeyed not in stored
        assert unkeyed.hex().encode() not in stored


def unkeyed_hashes(body: dict[str, str]) -> Iterator[bytes]:
    """Yield the unkeyed hashes that would let an attacker with a copy of the table test likely passwords."""
    canonical = json.dumps(body, sort_keys=True).encode()
    request_line = json.dumps(["POST", "/api/v1/auth/register?"]).encode()
    for message in (
        PASSWORD.encode(),
        canonical,
        request_line + canonical,
        request_line + hashlib.sha256(canonical).digest(),
    ):
        digest = hashlib.sha256(message)
        yield digest.digest()
        yield hashlib.sha256(json.dumps([digest.hexdigest(), "auth.register", "one"]).encode()).digest()


@pytest.mark.parametrize(("listed", "status"), [("new,old", 201), ("new", 422)])
def test_retry_is_recognized_only_if_the_original_secret_key_is_still_configured(
    settings: Settings, listed: str, status: int
) -> None:
    secrets = {name: f"{name} secret that is longer than 32 bytes" for name in ("old", "new")}
    with application(settings.model_copy(update={"secret_key": (secrets["old"],)})) as app:
        ada = Api(app.test_client()).as_new_user()
        success(create_organization(ada))
    later = tuple(secrets[name] for name in listed.split(","))
    with application(settings.model_copy(update={"secret_key": later})) as app:
        assert create_organization(Api(app.test_client(), ada.tokens)).status_code == status


def test_retry_on_public_route_is_recognized_after_secret_key_rotation(settings: Settings) -> None:
    old, new = (f"{name} secret that is longer than 32 bytes" for name in ("old", "new"))
    body, key = {"email": "ada@example.com", "password": PASSWORD}, {"Idempotency-Key": "one"}
    for secret_key in ((old,), (new, old)):
        with application(settings.model_copy(update={"secret_key": secret_key})) as app:
            response = Api(app.test_client()).post("/auth/register", body, headers=key)
            assert response.status_code == 201
    assert response.headers["Idempotency-Replayed"] == "true"
