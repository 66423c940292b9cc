"""Idempotency keys: which keys are valid, and which keys and requests count as the same."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, g, request
from werkzeug.test import TestResponse

from project.http.routing.access import user
from tests.kit.clients.api import PASSWORD, Api, form, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REPLAYED = "Idempotency-Replayed"


def post(api: Api, key: str, body: Any = None) -> TestResponse:
    return api.post("/organizations", body or {"name": "Engines"}, headers={"Idempotency-Key": key})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("abc", '"abc"'),
        ("abc", " \t abc "),
        ("a b", '"a b"'),
        ("a\\b", '"a\\\\b"'),
        ('"a\\"b"', ' "a\\"b" '),
        ('"a,b"', '"a,b"'),
        ("k" * 255, '"' + "k" * 255 + '"'),
        ('"' + "\\\\" * 255 + '"', "\\" * 255),
        ("!#$%&'()*+-./:;<=>?@[]^_`{|}~", '"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"'),
    ],
)
def test_equivalent_forms_of_a_key_count_as_the_same_key(shared_api: Api, first: str, second: str) -> None:
    ada = shared_api.as_new_user()
    success(post(ada, first))
    assert REPLAYED in post(ada, second).headers


@pytest.mark.parametrize(
    ("first", "second"), [("abc", "ABC"), ("abc", '" abc"'), ("abc", "abcd"), ("a\\\\b", '"a\\\\b"'), ('"a"', '"a "')]
)
def test_requests_with_different_keys_are_independent(shared_api: Api, first: str, second: str) -> None:
    ada = shared_api.as_new_user()
    first_organization, second_organization = success(post(ada, first)), success(post(ada, second))
    assert first_organization["id"] != second_organization["id"]


INVALID_KEYS = [
    *("", " ", '""', "k" * 256, '"' + "k" * 256 + '"'),
    *('"\\"', '"\\x"', '"a"b"', 'a"b', '"a', 'a"', "a,b", '"a";b=1'),
    *("a\tb", "a\x01b", '"a\x1fb"', "a\x7fb", '"a\x7f"', "caf\u00e9", '"\u00ff"', "\u00a0a"),
]


@pytest.mark.parametrize("key", INVALID_KEYS)
def test_invalid_key_is_rejected(ada: Api, key: str) -> None:
    problem(post(ada, key), 400, "idempotency-key-invalid")


@pytest.mark.parametrize("keys", [("a", "b"), ("a", "a"), ('"a"', '"b"')])
def test_request_with_two_keys_is_rejected(ada: Api, keys: tuple[str, str]) -> None:
    headers = [("Authorization", f"Bearer {ada.tokens['access_token']}"), *[("Idempotency-Key", key) for key in keys]]
    response = ada.client.post("/api/v1/organizations", json={"name": "Engines"}, headers=headers)
    problem(response, 400, "idempotency-key-invalid")


def test_key_is_ignored_by_methods_other_than_post_and_by_exempt_routes(ada: Api) -> None:
    headers, path = {"Idempotency-Key": "a,b"}, f"/files/{success(ada.upload())['id']}"
    credentials = {"email": ada.user["email"], "password": PASSWORD}
    requests: list[tuple[str, str, dict[str, Any], int]] = [
        ("GET", "/auth/me", {}, 200),
        ("PATCH", "/auth/me", {"json": {"display_name": "Ada"}}, 200),
        ("DELETE", path, {}, 204),
        ("POST", "/auth/login", {"json": credentials}, 200),
    ]
    for method, target, options, status in requests:
        assert ada(method, target, headers=headers, **options).status_code == status


def post_raw(api: Api, key: str, body: str) -> TestResponse:
    options = {"data": body.encode(), "content_type": "application/json"}
    return api("POST", "/organizations", headers={"Idempotency-Key": key}, **options)


@pytest.mark.parametrize(
    "body",
    [
        '{"slug": "SLUG", "name": "Engines"}',
        ' { "name" :\t"Engines",\r\n "slug": "SLUG" }\n',
        '{"n\\u0061me": "Engin\\u0065s", "slug": "SLUG"}',
    ],
)
def test_equivalent_json_body_counts_as_the_same_request(ada: Api, body: str) -> None:
    key, slug = str(uuid4()), f"s{uuid4()}"
    first = success(post_raw(ada, key, f'{{"name":"Engines","slug":"{slug}"}}'))
    retried = post_raw(ada, key, body.replace("SLUG", slug))
    assert (retried.status_code, retried.json, REPLAYED in retried.headers) == (201, first, True)


@pytest.mark.parametrize(
    "body", ['{"name":"engines"}', '{"name":"Engines "}', '{"name":"Engines","slug":null}', "{}", "[]", "{", ""]
)
def test_different_body_counts_as_a_different_request(ada: Api, body: str) -> None:
    key = str(uuid4())
    success(post_raw(ada, key, '{"name":"Engines"}'))
    problem(post_raw(ada, key, body), 422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("content", "filename", "fields"),
    [(b"other", "hello.txt", {}), (b"hello", "other.txt", {}), (b"hello", "hello.txt", {"organization_id": "ID"})],
)
def test_different_upload_counts_as_a_different_request(
    ada: Api, content: bytes, filename: str, fields: dict[str, str]
) -> None:
    key, organization_id = str(uuid4()), ada.organization()["id"]
    success(upload(ada, key, b"hello", "hello.txt"))
    fields = dict.fromkeys(fields, organization_id)
    problem(upload(ada, key, content, filename, **fields), 422, "idempotency-key-reused")


def upload(api: Api, key: str, content: bytes, filename: str, **fields: str) -> TestResponse:
    body, content_type = form(content, filename, **fields)
    return api("POST", "/files", data=body, content_type=content_type, headers={"Idempotency-Key": key})


def test_upload_with_a_different_boundary_counts_as_the_same_request(ada: Api) -> None:
    key, organization_id = str(uuid4()), ada.organization()["id"]
    first = success(upload(ada, key, b"hello", "hello.txt", organization_id=organization_id))
    body, content_type = form(b"hello", "hello.txt", organization_id=organization_id)
    retried = ada(
        "POST",
        "/files",
        data=body.replace(b"a-boundary-3f6c1e", b"another-one"),
        content_type=content_type.replace("a-boundary-3f6c1e", "another-one"),
        headers={"Idempotency-Key": key},
    )
    assert (retried.json, REPLAYED in retried.headers) == (first, True)


def test_same_key_from_another_caller_counts_as_a_different_key(shared_api: Api, ada: Api) -> None:
    key = str(uuid4())
    first, other = success(post(ada, key)), post(shared_api.as_new_user(), key)
    assert (success(other)["id"] != first["id"], REPLAYED in other.headers) == (True, False)


def test_same_key_on_another_route_counts_as_a_different_key(ada: Api) -> None:
    key = str(uuid4())
    success(post(ada, key))
    assert REPLAYED not in upload(ada, key, b"hello", "hello.txt").headers
    path = f"/organizations/{ada.organization()['id']}/invitations"
    other = ada.post(path, {"email": "guest@example.com", "role": "member"}, headers={"Idempotency-Key": key})
    assert success(other)["email"] == "guest@example.com"


@ON_SQLITE
def test_different_query_counts_as_a_different_request(app: Flask, api: Api) -> None:
    app.add_url_rule("/echo", view_func=lambda: request.query_string, methods=["POST"], access=user)
    ada, headers = api.as_new_user(), {"Idempotency-Key": "one"}
    headers |= {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    for query, status in (("a=1&b=2", 200), ("a=1&b=2", 200), ("a=1&b=3", 422), ("", 422)):
        assert api.client.post(f"/echo?{query}", headers=headers).status_code == status


@ON_SQLITE
def test_route_can_handle_idempotency_itself(app: Flask, api: Api) -> None:
    """Upload routes do this, because the body of an upload is known only after it has been read."""
    app.add_url_rule(
        "/late", view_func=lambda: f"{g.idempotency_key}", methods=["POST"], access=user, handles_idempotency=True
    )
    headers = {"Idempotency-Key": '"one"', "Authorization": f"Bearer {api.as_new_user().tokens['access_token']}"}
    responses = [api.client.post("/late", headers=headers) for _ in range(2)]
    assert [(response.text, REPLAYED in response.headers) for response in responses] == [("one", False), ("one", False)]
