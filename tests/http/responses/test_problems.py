"""Every error is a problem (RFC 9457), from whichever layer it comes, and tells nothing of the inside."""

import re
from collections import Counter
from typing import Any

import pytest
from flask import Flask

from project import errors
from project.http.responses import problems
from project.http.routing.access import member, public
from tests.kit.clients.api import Api, pointers, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# What clients may rely on: a code never changes its status.
STATUSES = {
    "account-disabled": 403,
    "already-a-member": 409,
    "authentication-required": 401,
    "checksum-mismatch": 422,
    "email-taken": 409,
    "file-too-large": 413,
    "file-type-not-allowed": 415,
    "header-too-large": 431,
    "idempotency-key-in-use": 409,
    "idempotency-key-invalid": 400,
    "idempotency-key-reused": 422,
    "internal-error": 500,
    "invalid-credentials": 401,
    "invalid-cursor": 400,
    "invitation-already-accepted": 409,
    "invitation-email-mismatch": 403,
    "invitation-expired": 410,
    "invitation-pending": 409,
    "invitation-replaced": 410,
    "job-not-dead": 409,
    "job-not-ended": 409,
    "malformed-request": 400,
    "method-not-allowed": 405,
    "metrics-token-required": 401,
    "not-acceptable": 406,
    "not-found": 404,
    "payload-too-large": 413,
    "permission-denied": 403,
    "precondition-failed": 412,
    "range-not-satisfiable": 416,
    "rate-limited": 429,
    "refresh-token-invalid": 401,
    "refresh-token-reused": 401,
    "service-unavailable": 503,
    "slug-taken": 409,
    "storage-unavailable": 503,
    "token-expired": 401,
    "token-invalid": 401,
    "token-revoked": 401,
    "unsupported-media-type": 415,
    "uri-too-long": 414,
    "validation-failed": 422,
}


@pytest.mark.parametrize("path", ["/nowhere", "//auth/me", "/auth/me/", "/files/not-a-uuid", "/%ff", "/%00"])
def test_unknown_path_is_not_found(ada: Api, path: str) -> None:
    problem(ada.get(path), 404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_wrong_method_names_the_right_ones(ada: Api, method: str) -> None:
    answer = ada(method, "/auth/login")
    problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_malformed_json_is_a_problem(ada: Api) -> None:
    answer = ada.post("/organizations", data=b'{"name":', content_type="application/json")
    assert problem(answer, 400, "malformed-request")["instance"] == "/api/v1/organizations"


def test_missing_token_is_challenged_without_an_error(ada: Api) -> None:
    answer = ada.client.get("/api/v1/auth/me")
    problem(answer, 401, "authentication-required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_bad_token_is_challenged_with_an_error(ada: Api) -> None:
    answer = ada.get("/auth/me", headers={"Authorization": "Bearer x"})
    problem(answer, 401, "token-invalid")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/organizations", {"data": b"{", "content_type": "text/plain"}),
        ("GET", "/organizations?limit=0", {"headers": {"Accept": "text/xml"}}),
    ],
)
def test_access_is_judged_before_anything_else(ada: Api, method: str, path: str, options: dict[str, Any]) -> None:
    problem(ada.client.open(f"/api/v1{path}", method=method, **options), 401, "authentication-required")


def test_pointers_lead_to_each_wrong_value(ada: Api) -> None:
    answer = ada.post("/auth/register", {"password": 1, "a/b~c": 1})
    wrong = {("body", "/email"), ("body", "/password"), ("body", "/a~1b~0c")}
    assert pointers(problem(answer, 422, "validation-failed")) == wrong


def test_pointers_follow_nested_members() -> None:
    tree = {"items": {2: {"a/b": ["Wrong."]}}, "_schema": ["Wrong as a whole."]}
    error = problems.validation_failed({"json": tree, "query": {"limit": ["Too large."]}})
    assert error.members["errors"] == [
        {"location": "body", "pointer": "/items/2/a~1b", "detail": "Wrong."},
        {"location": "body", "pointer": "", "detail": "Wrong as a whole."},
        {"location": "query", "pointer": "/limit", "detail": "Too large."},
    ]


def test_name_that_no_answer_can_carry_is_pointed_at_all_the_same(ada: Api) -> None:
    answer = ada.post("/organizations", data=rb'{"name": "x", "\ud800": 1}', content_type="application/json")
    assert pointers(problem(answer, 422, "validation-failed")) == {("body", r"/\ud800")}


def test_answer_to_many_wrong_values_stays_small(ada: Api) -> None:
    answer = ada.post("/organizations", {str(number): 1 for number in range(1000)})
    assert len(problem(answer, 422, "validation-failed")["errors"]) == 100


@ON_SQLITE
def test_defect_shows_nothing_of_the_inside(app: Flask, api: Api) -> None:
    def fail() -> None:
        raise RuntimeError("SELECT secret FROM /srv/users")

    app.add_url_rule("/fails", view_func=fail, access=public)
    answer = api.client.get("/fails")
    problem(answer, 500, "internal-error")
    assert not re.search(r"secret|SELECT|srv|Runtime|Traceback|\.py", answer.get_data(as_text=True))


@pytest.mark.parametrize("accept", ["text/xml", "text/html", "application/json;q=0", "image/*"])
def test_accept_header_that_rules_out_json_is_refused(ada: Api, accept: str) -> None:
    problem(ada.get("/auth/me", headers={"Accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html, */*;q=0.1", ""])
def test_accept_header_that_allows_json_is_served(ada: Api, accept: str) -> None:
    assert ada.get("/auth/me", headers={"Accept": accept}).status_code == 200


def test_problems_are_told_apart_by_their_code() -> None:
    kinds = list(problems._concrete(errors.Error))
    assert [code for code, number in Counter(kind.code for kind in kinds).items() if number > 1] == []


def test_catalogue_is_what_clients_rely_on() -> None:
    statuses = {code: problems.status_of(kind) for code, kind in problems.catalog().items()}
    assert statuses == STATUSES


@pytest.mark.parametrize("code", STATUSES)
def test_catalogued_problem_explains_itself(code: str) -> None:
    kind = problems.catalog()[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    # A title with a format in it could not be the same text each time.
    assert kind.title
    assert not set("{}%") & set(kind.title)
    assert kind.cause().endswith(".")
    assert kind.remedy.endswith(".")


@ON_SQLITE
def test_route_that_declares_no_access_fails_at_start(app: Flask) -> None:
    with pytest.raises(RuntimeError, match=r"/open .*declares no access="):
        app.add_url_rule("/open", view_func=lambda: "")


@ON_SQLITE
def test_route_for_members_of_nothing_fails_at_start(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="names no organization_id"):
        app.add_url_rule("/open", view_func=lambda: "", access=member())
