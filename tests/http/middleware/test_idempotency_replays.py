"""What is kept for an idempotency key, for how long, and who gets it."""

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
from tests.kit.clients.api import PASSWORD, Api, created, form, problem
from tests.kit.fixtures.apps import application

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = {"Idempotency-Key": "one"}
REPLAYED = "Idempotency-Replayed"


def records(app: Flask) -> list[Any]:
    with app.app_context(), read() as connection:
        return list(connection.execute(select(IdempotencyRecord.__table__)))


def change(app: Flask, statement: Any) -> None:
    with app.app_context(), transaction() as session:
        session.execute(statement)


def create(api: Api, **members: Any) -> TestResponse:
    return api.post("/organizations", {"name": "Engines", **members}, headers=KEY)


def upload(api: Api, **fields: str) -> TestResponse:
    body, content_type = form(b"hello", "hello.txt", **fields)
    return api("POST", "/files", data=body, content_type=content_type, headers=KEY)


def test_an_answer_is_kept_as_long_as_the_setting_says(settings: Settings) -> None:
    with application(settings.model_copy(update={"idempotency_key_ttl_seconds": 60})) as app:
        create(Api(app.test_client()).signed_in())
        [record] = records(app)
    assert timedelta(seconds=50) < record.expires_at - now() <= timedelta(seconds=60)


def test_a_key_whose_life_is_over_has_an_effect_again(app: Flask, api: Api) -> None:
    ada = api.signed_in()
    first = create(ada)
    change(app, update(IdempotencyRecord).values(expires_at=now() - timedelta(seconds=1)))
    second, third = create(ada), create(ada)
    assert created(first)["id"] != created(second)["id"]
    assert (third.json, REPLAYED in third.headers) == (second.json, True)


def test_whoever_signed_out_gets_no_answer(api: Api) -> None:
    ada = api.signed_in()
    created(create(ada))
    assert ada.post("/auth/logout").status_code == 204
    problem(create(ada), 401, "token-revoked")


@pytest.mark.parametrize(
    ("loss", "status", "code"),
    [
        (delete(Membership), 404, "not-found"),
        (update(Membership).values(role="member"), 403, "permission-denied"),
    ],
)
def test_whoever_may_no_longer_invite_gets_no_answer(app: Flask, api: Api, loss: Any, status: int, code: str) -> None:
    owner, body = api.signed_in(), {"email": "guest@example.com", "role": "member"}
    path = f"/organizations/{owner.organization()['id']}/invitations"
    created(owner.post(path, body, headers=KEY))
    change(app, loss)
    problem(owner.post(path, body, headers=KEY), status, code)


def test_whoever_left_the_organization_gets_no_answer_to_an_upload(app: Flask, api: Api, settings: Settings) -> None:
    ada = api.signed_in()
    organization_id = ada.organization()["id"]
    created(upload(ada, organization_id=organization_id))
    change(app, delete(Membership))
    problem(upload(ada, organization_id=organization_id), 404, "not-found")
    with app.app_context(), read() as connection:
        assert connection.scalar(select(func.count()).select_from(File)) == 1
    assert len([path for path in (settings.data_dir / "files").rglob("*") if path.is_file()]) == 1


def test_a_refusal_is_not_kept(app: Flask, api: Api) -> None:
    ada = api.signed_in()
    taken = ada.organization(slug="taken")
    problem(create(ada, slug="taken"), 409, "slug-taken")
    assert records(app) == []
    change(app, update(Organization).where(Organization.id == UUID(taken["id"])).values(slug="other"))
    assert REPLAYED not in create(ada, slug="taken").headers
    assert REPLAYED in create(ada, slug="taken").headers


def failing(answer: Callable[[], Any]) -> Callable[[], Any]:
    """A view that does something, and fails after it the first time."""
    calls: list[int] = []

    def view() -> Any:
        calls.append(1)
        with transaction():
            insert_if_absent(Organization, {"id": new_id(), "name": "Effect", "slug": f"effect-{len(calls)}"})
        return answer() if len(calls) == 1 else "done"

    return view


@pytest.mark.parametrize(
    ("answer", "status"), [(lambda: 1 / 0, 500), (lambda: ("no", 503), 503), (lambda: ("no", 409), 409)]
)
def test_a_failure_is_not_kept_nor_what_it_did(app: Flask, api: Api, answer: Callable[[], Any], status: int) -> None:
    app.add_url_rule("/try", view_func=failing(answer), methods=["POST"], access=public)
    assert api.client.post("/try", headers=KEY).status_code == status
    assert [api.client.post("/try", headers=KEY).text for _ in range(2)] == ["done", "done"]
    with app.app_context(), read() as connection:
        assert connection.scalars(select(Organization.slug)).all() == ["effect-2"]


def headed() -> Response:
    response = Response("{}", 201, mimetype="application/json")
    response.headers.extend({"Location": "/there", "ETag": '"one"', "Link": ["</a>; rel=next", "</b>; rel=prev"]})
    return response


def test_headers_are_kept_and_those_of_the_request_are_new(app: Flask, api: Api) -> None:
    app.add_url_rule("/headed", view_func=headed, methods=["POST"], access=public)
    first, again = (api.client.post("/headed", headers=KEY) for _ in range(2))
    for name in ("Location", "ETag", "Link", "Content-Type", "Content-Length", "X-Frame-Options", "Cache-Control"):
        assert again.headers.getlist(name) == first.headers.getlist(name) != [], name
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert dict(again.headers).keys() - dict(first.headers).keys() == {REPLAYED}


def test_a_replayed_upload_says_where_its_file_is(api: Api) -> None:
    ada = api.signed_in()
    first, again = upload(ada), upload(ada)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Location"].endswith(created(ada.get("/files"))["items"][0]["id"])


def test_no_password_is_kept_nor_anything_that_it_could_be_guessed_by(app: Flask, api: Api) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD}
    created(api.post("/auth/register", body, headers=KEY))
    [record] = records(app)
    kept = record.digest + record.fingerprint + record.body + json.dumps(record.headers).encode()
    assert PASSWORD.encode() not in kept
    for unkeyed in guesses(body):
        assert unkeyed not in kept
        assert unkeyed.hex().encode() not in kept


def guesses(body: dict[str, str]) -> Iterator[bytes]:
    """Hashes that somebody with the table could compare with those of likely passwords."""
    canonical = json.dumps(body, sort_keys=True).encode()
    line = json.dumps(["POST", "/api/v1/auth/register?"]).encode()
    for message in (PASSWORD.encode(), canonical, line + canonical, line + hashlib.sha256(canonical).digest()):
        digest = hashlib.sha256(message)
        yield digest.digest()
        yield hashlib.sha256(json.dumps([digest.hexdigest(), "auth.register", "one"]).encode()).digest()


@pytest.mark.parametrize(("secrets", "status"), [("new,old", 201), ("new", 422)])
def test_a_request_is_known_again_by_the_secret_that_knew_it(settings: Settings, secrets: str, status: int) -> None:
    words = {name: f"{name} secret, longer than 32 bytes is it" for name in ("old", "new")}
    with application(settings.model_copy(update={"secret_key": (words["old"],)})) as app:
        ada = Api(app.test_client()).signed_in()
        created(create(ada))
    later = tuple(words[name] for name in secrets.split(","))
    with application(settings.model_copy(update={"secret_key": later})) as app:
        assert create(Api(app.test_client(), ada.tokens)).status_code == status


def test_a_registration_is_known_again_after_the_secret_changed(settings: Settings) -> None:
    old, new = (f"{name} secret, longer than 32 bytes is it" for name in ("old", "new"))
    body, key = {"email": "ada@example.com", "password": PASSWORD}, {"Idempotency-Key": "one"}
    for secret_key in ((old,), (new, old)):
        with application(settings.model_copy(update={"secret_key": secret_key})) as app:
            answer = Api(app.test_client()).post("/auth/register", body, headers=key)
            assert answer.status_code == 201
    assert answer.headers["Idempotency-Replayed"] == "true"
