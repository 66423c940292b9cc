"""Every route is documented, and tokens are issued only by the routes that docs/security.md lists."""

from pathlib import Path

from flask import Flask

from project.http.routing.rule import ContractRule
from tests.conformance.operation import operations_of

_SECURITY = (Path(__file__).parents[3] / "docs/security.md").read_text()


def test_every_api_route_is_in_the_openapi_document(shared_app: Flask) -> None:
    documented = {str(operation) for operation in operations_of(shared_app)}
    routes = {
        f"{method} {rule.template if isinstance(rule, ContractRule) else rule.rule}"
        for rule in shared_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert routes - documented == set()


def test_tokens_are_issued_only_by_the_documented_routes(shared_app: Flask) -> None:
    issuing = {
        str(operation)
        for operation in operations_of(shared_app)
        for _status, schema in operation.response_schemas()
        if {"access_token", "refresh_token"} & schema.get("properties", {}).keys()
    }
    prefix = "POST /api/v1/auth"
    assert issuing == {f"{prefix}/{path}" for path in ("login", "refresh", "cookie/login", "cookie/refresh")}
    assert [path for path in issuing if f"`{path.replace('/api/v1', '')}`" not in _SECURITY] == []
