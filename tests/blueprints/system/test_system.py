"""What the service says of itself: whether it is alive and ready, its keys, its document."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from project.blueprints.system import service
from project.http.routing.rule import ContractRule
from tests.kit.clients.api import Api, created, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL_OK = {"database": "ok", "migrations": "ok", "storage": "ok", "broker": "ok"}


def fail(*_args: object) -> None:
    raise RuntimeError("postgresql://ada:hush@db refused")


class Broken:
    """A broker, or a store, that is away."""

    def check(self) -> None:
        fail()


def test_process_that_serves_is_alive(shared_api: Api) -> None:
    assert created(shared_api.client.get("/health/live")) == {"status": "ok"}


def test_service_is_ready_when_every_part_is(api: Api) -> None:
    assert created(api.client.get("/health/ready")) == {"status": "ok", "checks": ALL_OK}


@ON_SQLITE
def test_service_without_its_broker_is_degraded_and_still_ready(app: Flask, api: Api) -> None:
    app.extensions["broker"] = Broken()
    expected = {"status": "degraded", "checks": {**ALL_OK, "broker": "failing"}}
    assert created(api.client.get("/health/ready")) == expected


@ON_SQLITE
@pytest.mark.parametrize(
    ("part", "breaks"),
    [
        ("database", lambda app, patch: patch.setattr(service, "ensure_reachable", fail)),
        ("migrations", lambda app, patch: patch.setattr(service, "ensure_migrated", fail)),
        ("storage", lambda app, patch: patch.setitem(app.extensions, "storage", Broken())),
    ],
    ids=["database", "migrations", "storage"],
)
def test_service_is_not_ready_without_what_requests_need(
    app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch, part: str, breaks: Callable[..., Any]
) -> None:
    breaks(app, monkeypatch)
    answer = api.client.get("/health/ready")
    body = problem(answer, 503, "service-unavailable")
    assert body["checks"] == {**ALL_OK, part: "failing"}
    assert (part in body["detail"], "hush" in answer.text) == (True, False)
    assert int(answer.headers["Retry-After"]) > 0


@ON_SQLITE
def test_being_alive_takes_nothing_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.infrastructure.database.session.read", fail)
    assert api.client.get("/health/live").status_code == 200


def test_document_names_every_route_and_who_may_call_it(shared_app: Flask, shared_api: Api) -> None:
    document = created(shared_api.client.get("/api/v1/openapi.json"))
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


def test_document_asks_for_a_token_where_the_route_does(shared_api: Api) -> None:
    document = created(shared_api.client.get("/api/v1/openapi.json"))
    for path in document["paths"].values():
        for name, operation in path.items():
            if name != "parameters":
                assert (operation["security"] == []) == (operation["x-access"] == "public"), operation["operationId"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/.well-known/jwks.json", "/api/v1/openapi.json"])
def test_it_is_told_to_everybody_even_with_a_bad_token(shared_api: Api, path: str) -> None:
    answer = shared_api.client.get(path, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 200
