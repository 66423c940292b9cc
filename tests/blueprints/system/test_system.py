"""System endpoints: liveness, readiness, signing keys and the OpenAPI document."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from project.blueprints.system import service
from project.http.routing.rule import ContractRule
from tests.kit.clients.api import Api, problem, success

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL_OK = {"database": "ok", "migrations": "ok", "storage": "ok", "broker": "ok"}


def fail(*_args: object) -> None:
    raise RuntimeError("postgresql://ada:hush@db refused")


class Unavailable:
    """An unavailable broker or storage backend."""

    def check(self) -> None:
        fail()


def test_liveness_probe_returns_ok(shared_api: Api) -> None:
    assert success(shared_api.client.get("/health/live")) == {"status": "ok"}


def test_readiness_probe_returns_ok_if_all_dependencies_work(api: Api) -> None:
    assert success(api.client.get("/health/ready")) == {"status": "ok", "checks": ALL_OK}


@ON_SQLITE
def test_readiness_probe_reports_degraded_status_without_broker(app: Flask, api: Api) -> None:
    app.extensions["broker"] = Unavailable()
    expected = {"status": "degraded", "checks": {**ALL_OK, "broker": "failing"}}
    assert success(api.client.get("/health/ready")) == expected


@ON_SQLITE
@pytest.mark.parametrize(
    ("dependency", "break_it"),
    [
        ("database", lambda app, patch: patch.setattr(service, "ensure_reachable", fail)),
        ("migrations", lambda app, patch: patch.setattr(service, "ensure_migrated", fail)),
        ("storage", lambda app, patch: patch.setitem(app.extensions, "storage", Unavailable())),
    ],
    ids=["database", "migrations", "storage"],
)
def test_readiness_probe_fails_if_a_required_dependency_fails(
    app: Flask,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    dependency: str,
    break_it: Callable[..., Any],
) -> None:
    break_it(app, monkeypatch)
    response = api.client.get("/health/ready")
    body = problem(response, 503, "service-unavailable")
    assert body["checks"] == {**ALL_OK, dependency: "failing"}
    assert (dependency in body["detail"], "hush" in response.text) == (True, False)
    assert "health.failing" in caplog.text
    assert int(response.headers["Retry-After"]) > 0


@ON_SQLITE
def test_liveness_probe_does_not_use_the_database(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "reading_engine", None)
    assert api.client.get("/health/live").status_code == 200


def test_openapi_document_specifies_access_for_every_route(shared_app: Flask, shared_api: Api) -> None:
    document = success(shared_api.client.get("/api/v1/openapi.json"))
    assert document["openapi"].startswith("3.1")
    described = {
        operation["operationId"]: operation["x-access"]
        for path in document["paths"].values()
        for name, operation in path.items()
        if name != "parameters"
    }
    rules = [rule for rule in shared_app.url_map.iter_rules() if isinstance(rule, ContractRule) and rule.json]
    routes = {rule.endpoint.rpartition(".")[2]: str(rule.access) for rule in rules}
    assert {name: access for name, access in described.items() if name in routes} == routes


def test_openapi_document_requires_token_for_all_but_public_operations(shared_api: Api) -> None:
    document = success(shared_api.client.get("/api/v1/openapi.json"))
    for path in document["paths"].values():
        for name, operation in path.items():
            if name != "parameters":
                assert (operation["security"] == []) == (operation["x-access"] == "public"), operation["operationId"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/.well-known/jwks.json", "/api/v1/openapi.json"])
def test_public_endpoints_ignore_invalid_token(shared_api: Api, path: str) -> None:
    response = shared_api.client.get(path, headers={"Authorization": "Bearer x"})
    assert response.status_code == 200
