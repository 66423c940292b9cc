"""Every error response has problem details (RFC 9457), regardless of where the error is raised, and hides internals."""

import gc
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from project import errors
from project.http.openapi import api_document
from project.http.responses import problems
from project.http.routing.access import member, public
from tests.kit.clients.api import Api, pointers, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# No operation in docs/openapi.json returns these, so `flask openapi write` cannot detect a change to them.
OUTSIDE_OPERATIONS = {"method-not-allowed": 405, "metrics-token-required": 401}


@pytest.mark.parametrize("path", ["/nowhere", "//auth/me", "/auth/me/", "/files/not-a-uuid", "/%ff", "/%00"])
def test_unknown_path_is_not_found(ada: Api, path: str) -> None:
    problem(ada.get(path), 404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_405_response_lists_allowed_methods(ada: Api, method: str) -> None:
    response = ada(method, "/auth/login")
    problem(response, 405, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_malformed_json_returns_problem_details(ada: Api) -> None:
    response = ada.post("/organizations", data=b'{"name":', content_type="application/json")
    assert problem(response, 400, "malformed-request")["instance"] == "/api/v1/organizations"


def test_www_authenticate_header_has_no_error_if_token_is_missing(ada: Api) -> None:
    response = ada.client.get("/api/v1/auth/me")
    problem(response, 401, "authentication-required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_www_authenticate_header_has_an_error_if_token_is_invalid(ada: Api) -> None:
    response = ada.get("/auth/me", headers={"Authorization": "Bearer x"})
    problem(response, 401, "token-invalid")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/organizations", {"data": b"{", "content_type": "text/plain"}),
        ("GET", "/organizations?limit=0", {"headers": {"Accept": "text/xml"}}),
    ],
)
def test_access_is_checked_before_anything_else(ada: Api, method: str, path: str, options: dict[str, Any]) -> None:
    problem(ada.client.open(f"/api/v1{path}", method=method, **options), 401, "authentication-required")


def test_error_pointers_identify_every_invalid_value(ada: Api) -> None:
    response = ada.post("/auth/register", {"password": 1, "a/b~c": 1})
    expected = {("body", "/email"), ("body", "/password"), ("body", "/a~1b~0c")}
    assert pointers(problem(response, 422, "validation-failed")) == expected


def test_error_pointers_identify_nested_members() -> None:
    messages = {"items": {2: {"a/b": ["Wrong."]}}, "_schema": ["Wrong as a whole."]}
    error = problems.validation_failed({"json": messages, "query": {"limit": ["Too large."]}})
    assert error.members["errors"] == [
        {"location": "body", "pointer": "/items/2/a~1b", "detail": "Wrong."},
        {"location": "body", "pointer": "", "detail": "Wrong as a whole."},
        {"location": "query", "pointer": "/limit", "detail": "Too large."},
    ]


def test_lone_surrogate_in_member_name_is_escaped_in_pointer(ada: Api) -> None:
    response = ada.post("/organizations", data=rb'{"name": "x", "\ud800": 1}', content_type="application/json")
    assert pointers(problem(response, 422, "validation-failed")) == {("body", r"/\ud800")}


def test_number_of_reported_errors_is_limited(ada: Api) -> None:
    response = ada.post("/organizations", {str(number): 1 for number in range(1000)})
    assert len(problem(response, 422, "validation-failed")["errors"]) == 100


@ON_SQLITE
def test_unexpected_error_reveals_no_internals(app: Flask, api: Api) -> None:
    def fail() -> None:
        raise RuntimeError("SELECT secret FROM /srv/users")

    app.add_url_rule("/fails", view_func=fail, access=public)
    response = api.client.get("/fails")
    problem(response, 500, "internal-error")
    assert not re.search(r"secret|SELECT|srv|Runtime|Traceback|\.py", response.get_data(as_text=True))


@pytest.mark.parametrize("accept", ["text/xml", "text/html", "application/json;q=0", "image/*"])
def test_accept_header_that_excludes_json_is_rejected(ada: Api, accept: str) -> None:
    problem(ada.get("/auth/me", headers={"Accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html, */*;q=0.1", ""])
def test_accept_header_that_allows_json_is_accepted(ada: Api, accept: str) -> None:
    assert ada.get("/auth/me", headers={"Accept": accept}).status_code == 200


def test_problem_codes_are_unique() -> None:
    kinds = list(problems._concrete(errors.Error))
    assert [code for code, number in Counter(kind.code for kind in kinds).items() if number > 1] == []


def test_every_problem_is_documented_by_an_operation(shared_app: Flask) -> None:
    documented = api_document(shared_app)["components"]["examples"]
    others = {code: problems.status_of(kind) for code, kind in problems.catalog().items() if code not in documented}
    assert others == OUTSIDE_OPERATIONS, "declare a new error with @blueprint.raises() on the routes that raise it"


@pytest.mark.parametrize("kind", problems.catalog().values(), ids=problems.catalog())
def test_every_problem_has_a_title_a_cause_and_a_remedy(kind: type[errors.Error]) -> None:
    # A title must be constant (RFC 9457), so it must not contain format placeholders.
    assert kind.title
    assert not set("{}%") & set(kind.title)
    assert kind.cause().endswith(".")
    assert kind.remedy.endswith(".")


@pytest.fixture
def rejected_classes() -> Iterator[None]:
    """Remove the classes that a test failed to define from the catalog of problems."""
    yield
    gc.collect()


@pytest.mark.usefixtures("rejected_classes")
@pytest.mark.parametrize("code", ["files/gone", "NameTaken", "name_taken", "name-"])
def test_malformed_problem_code_is_rejected_at_startup(code: str) -> None:
    with pytest.raises(TypeError, match="lowercase words joined by hyphens"):
        type("Malformed", (errors.Conflict,), {"code": code, "title": "Name taken", "remedy": "Choose another."})


@pytest.mark.usefixtures("rejected_classes")
@pytest.mark.parametrize("kind", [errors.Conflict, errors.Error])
@pytest.mark.parametrize("missing", ["code", "title", "remedy"])
def test_problem_without_code_title_or_remedy_is_rejected_at_startup(kind: type[errors.Error], missing: str) -> None:
    members = {"code": "name-taken", "title": "Name taken", "remedy": "Choose another."}
    for incomplete in ({**members, missing: ""}, {name: members[name] for name in members.keys() - {missing}}):
        with pytest.raises(TypeError, match=f"Incomplete must define {missing}"):
            type("Incomplete", (kind,), incomplete)


@ON_SQLITE
def test_route_without_access_declaration_is_rejected_at_startup(app: Flask) -> None:
    with pytest.raises(RuntimeError, match=r"/open .*declares no access="):
        app.add_url_rule("/open", view_func=lambda: "")


@ON_SQLITE
def test_route_for_members_without_organization_id_in_path_is_rejected_at_startup(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="path has no organization_id"):
        app.add_url_rule("/open", view_func=lambda: "", access=member())


@ON_SQLITE
def test_on_retry_on_route_that_accepts_no_idempotency_key_is_rejected_at_startup(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="declares on_retry="):
        app.add_url_rule("/open", view_func=lambda: "", access=public, on_retry="email-taken")
