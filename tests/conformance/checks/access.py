"""Access: authentication, roles, and resources that other users must not see."""

import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.conformance.check import check
from tests.conformance.checks.listings import case_with_items
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import Api, problem


def _requires_token(operation: Operation) -> bool:
    return not operation.is_public


@check()
def public_routes_declare_a_reason(operation: Operation, world: World) -> None:
    assert operation.is_public == ("access" in operation.rule.exempt), (
        'declare exempt={"access": "<reason>"} if and only if the route is public'
    )
    security = [] if operation.is_public else [{"bearer": []}]
    assert operation.described["security"] == security, "`security` in the document must match the route's access="


@check(_requires_token)
def requests_without_a_token_are_rejected(operation: Operation, world: World) -> None:
    path = unknown_path(operation)
    response = world.send(operation, Case(world.anonymous, path), data=b"{", content_type="text/plain")
    problem(response, 401, "authentication-required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@check(_requires_token)
def invalid_tokens_are_rejected(operation: Operation, world: World) -> None:
    for name, token in _invalid_tokens(world).items():
        headers = {"Authorization": f"Bearer {token}"}
        response = world.send(operation, Case(world.anonymous, unknown_path(operation)), headers=headers)
        code = "token-expired" if name == "expired" else "token-invalid"
        assert problem(response, 401, code), name
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@check(_requires_token)
def tokens_of_ended_sessions_are_rejected(operation: Operation, world: World) -> None:
    ended = world.other_user.with_new_session()
    ended.post("/auth/logout")
    problem(world.send(operation, Case(ended, unknown_path(operation))), 401, "token-revoked")


@check(lambda operation: bool(operation.path_names) and operation.rule.access.kind in ("user", "member"))
def resources_are_hidden_from_other_users(operation: Operation, world: World) -> None:
    case = world.case(operation)
    foreign = world.send(operation, Case(world.other_user, case.path, case.body, case.form))
    if _is_readable_by_every_user(operation, world) and foreign.status_code == 403:
        problem(foreign, 403, "permission-denied")
        return
    missing = world.send(operation, Case(world.other_user, unknown_path(operation), case.body, case.form))
    bodies = [problem(response, 404, "not-found") for response in (foreign, missing)]
    assert bodies[0]["detail"] == bodies[1]["detail"], "the 404 response must not depend on whether the resource exists"


@check(lambda operation: operation.rule.access.kind == "every-user")
def every_user_has_access_to_the_same_resources(operation: Operation, world: World) -> None:
    case = case_with_items(operation, world) if operation.is_listing else world.case(operation)
    other = world.succeed(operation, replace(case, actor=world.other_user))
    if operation.is_listing:
        items = world.succeed(operation, case).json["items"]
        assert other.json["items"] == items != [], "the listing must contain the same items for every user"


@check(lambda operation: operation.rule.access.role not in ("", "member"))
def members_below_the_required_role_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(world.member, case.path, case.body)), 403, "permission-denied")


@check(lambda operation: operation.rule.access.kind == "admin")
def users_who_are_not_admins_are_rejected(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(world.owner, case.path, case.body)), 403, "permission-denied")


def unknown_path(operation: Operation) -> dict[str, str]:
    """Return path values that match the route but identify no existing resource."""
    schemas = {parameter["name"]: parameter["schema"] for parameter in operation.parameters}
    return {name: str(schemas[name].get("enum", [uuid4()])[0]) for name in operation.path_names}


def _is_readable_by_every_user(operation: Operation, world: World) -> bool:
    reader = world.read_operation(operation)
    return reader is not None and reader.rule.access.kind == "every-user"


def _invalid_tokens(world: World) -> dict[str, str]:
    api = world.other_user
    header = jwt.get_unverified_header(api.tokens["access_token"])
    claims = jwt.decode(api.tokens["access_token"], options={"verify_signature": False})
    private = world.app.extensions["keys"].private[header["kid"]]
    expired = {**claims, "iat": time.time() - 1000, "nbf": time.time() - 1000, "exp": time.time() - 400}

    def token(claims: dict[str, Any], key: Any = private, algorithm: str = "EdDSA") -> str:
        return jwt.encode(claims, key, algorithm, headers={"kid": header["kid"], "typ": header["typ"]})

    return {
        "garbage": "garbage",
        "unsigned": token(claims, "", "none"),
        "signed with another key": token(claims, Ed25519PrivateKey.generate()),
        "expired": token(expired),
        "for another audience": token({**claims, "aud": "https://elsewhere.example"}),
        "a refresh token": _refresh_token(api),
    }


def _refresh_token(api: Api) -> str:
    return str(api.tokens["refresh_token"])
