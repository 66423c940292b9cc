"""Who may call it."""

import time
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import Api, problem


def _is_closed(operation: Operation) -> bool:
    return not operation.is_public


@check()
def open_routes_say_why(operation: Operation, world: World) -> None:
    assert operation.is_public == ("access" in operation.rule.exempt)
    assert operation.described["security"] == ([] if operation.is_public else [{"bearer": []}])


@check(_is_closed)
def nobody_gets_in_without_a_token(operation: Operation, world: World) -> None:
    answer = world.send(operation, Case(world.nobody, any_path(operation)), data=b"{", content_type="text/plain")
    problem(answer, 401, "authentication-required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@check(_is_closed)
def bad_tokens_are_refused(operation: Operation, world: World) -> None:
    for name, token in _bad_tokens(world).items():
        headers = {"Authorization": f"Bearer {token}"}
        answer = world.send(operation, Case(world.nobody, any_path(operation)), headers=headers)
        code = "token-expired" if name == "expired" else "token-invalid"
        assert problem(answer, 401, code), name
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@check(_is_closed)
def ended_session_opens_nothing(operation: Operation, world: World) -> None:
    ended = world.stranger.signed_in_again()
    ended.post("/auth/logout")
    problem(world.send(operation, Case(ended, any_path(operation))), 401, "token-revoked")


@check(lambda operation: _is_closed(operation) and bool(operation.path_names) and operation.rule.access.kind != "admin")
def strangers_see_nothing(operation: Operation, world: World) -> None:
    case = world.case(operation)
    theirs = world.send(operation, Case(world.stranger, case.path, case.body, case.form))
    none = world.send(operation, Case(world.stranger, any_path(operation), case.body, case.form))
    bodies = [problem(answer, 404, "not-found") for answer in (theirs, none)]
    assert bodies[0]["detail"] == bodies[1]["detail"]


@check(lambda operation: operation.rule.access.role not in ("", "member"))
def members_of_a_lower_role_are_refused(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(world.member, case.path, case.body)), 403, "permission-denied")


@check(lambda operation: operation.rule.access.kind == "admin")
def users_are_no_administrators(operation: Operation, world: World) -> None:
    case = world.case(operation)
    problem(world.send(operation, Case(world.owner, case.path, case.body)), 403, "permission-denied")


def any_path(operation: Operation) -> dict[str, str]:
    """A path that leads to the operation, on things that never were."""
    schemas = {one["name"]: one["schema"] for one in operation.parameters}
    return {name: str(schemas[name].get("enum", [uuid4()])[0]) for name in operation.path_names}


def _bad_tokens(world: World) -> dict[str, str]:
    api = world.stranger
    header = jwt.get_unverified_header(api.tokens["access_token"])
    claims = jwt.decode(api.tokens["access_token"], options={"verify_signature": False})
    private = world.app.extensions["keys"].private[header["kid"]]
    past = {**claims, "iat": time.time() - 1000, "nbf": time.time() - 1000, "exp": time.time() - 400}

    def token(claims: dict[str, Any], key: Any = private, algorithm: str = "EdDSA") -> str:
        return jwt.encode(claims, key, algorithm, headers={"kid": header["kid"], "typ": header["typ"]})

    return {
        "garbage": "garbage",
        "unsigned": token(claims, "", "none"),
        "foreign key": token(claims, Ed25519PrivateKey.generate()),
        "expired": token(past),
        "for another audience": token({**claims, "aud": "https://elsewhere.example"}),
        "a refresh token": _refresh_token(api),
    }


def _refresh_token(api: Api) -> str:
    return str(api.tokens["refresh_token"])
