"""The operations whose orders are tested. Each blueprint has its own in `tests/blueprints/<name>/operations.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from werkzeug.test import Client

from project.errors import Error
from tests.kit.clients.api import Api, success

_TESTS = Path(__file__).parents[2]
_HEADERS = {"X-Request-ID": "a-request", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
_operations: dict[str, "Operation"] = {}
_preparations: list[Callable[["World"], Any]] = []
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class World:
    """What the operations work on: an organization, its owner, a guest who is invited to it, and `prepared` values."""

    app: Flask
    anonymous: Api
    owner: Api
    guest: Api
    organization_id: UUID
    invitation_id: UUID
    values: dict[Callable[["World"], Any], Any] = field(default_factory=dict)

    @property
    def owner_id(self) -> UUID:
        """The id of the owner."""
        return UUID(self.owner.user["id"])

    @property
    def guest_id(self) -> UUID:
        """The id of the guest."""
        return UUID(self.guest.user["id"])


@dataclass(frozen=True)
class Operation:
    """A function that changes data. `gives_way` is the reason why it may have no effect, if it may."""

    call: Callable[[World], Any]
    gives_way: str | None
    error: type[Exception] = Error

    def may_have_given_way(self, result: object) -> bool:
        """Whether the operation may have had no effect: it has returned nothing, or raised the declared error."""
        return self.gives_way is not None and (not result or isinstance(result, self.error))


class Rejected(Exception):
    """The response to a request is an error."""


def operation(call: Any = None, /, *, gives_way: str | None = None, error: type[Exception] = Error) -> Any:
    """Register an operation, which calls one service function and returns what matters of the result.

    If another operation interferes, an operation with a reason in `gives_way` may have no effect. It must then return
    nothing, or raise `error`.
    """

    def register(call: Callable[[World], Any]) -> Callable[[World], Any]:
        assert call.__name__ not in _operations, f"there are two operations named {call.__name__}"
        _operations[call.__name__] = Operation(call, gives_way, error)
        return call

    return register if call is None else register(call)


def prepared(create: Callable[[World], _Value]) -> Callable[[World], _Value]:
    """Make a function create its value only once, before the first operation begins."""

    @wraps(create)
    def value(world: World) -> Any:
        if value not in world.values:
            world.values[value] = create(world)
        return world.values[value]

    _preparations.append(value)
    return value


def send_with_key(caller: Api, path: str, body: Any = None, key: str = "a-key", **options: Any) -> tuple[str, bool]:
    """Send a POST request with an idempotency key. Return the body, and whether it is a stored response.

    Raises Rejected.
    """
    # Unlike `FlaskClient`, this client can be used by several threads.
    separate = replace(caller, client=Client(caller.client.application))  # type: ignore[arg-type]
    response = separate.post(path, body, headers={**_HEADERS, "Idempotency-Key": key}, **options)
    if response.status_code >= 400:
        raise Rejected(response.get_data(as_text=True))
    return response.get_data(as_text=True), "Idempotency-Replayed" in response.headers


def record_use_of_token(caller: Api) -> None:
    """Make the application record the first use of an access token now. It would be a step of each operation."""
    success(caller.get("/auth/me"))


@cache
def operations() -> dict[str, Operation]:
    """Return the operations of all blueprints and of the worker, by name."""
    for file in sorted(_TESTS.glob("*/**/operations.py")):
        if file != Path(__file__):
            import_module(".".join(("tests", *file.relative_to(_TESTS).with_suffix("").parts)))
    return dict(_operations)


def create_world(app: Flask) -> World:
    """Create what the operations work on."""
    operations()
    api = Api(app.test_client())
    owner, guest = api.as_new_user("owner@example.com"), api.as_new_user("guest@example.com")
    organization_id = owner.organization()["id"]
    invitation = owner.invitation(organization_id, "guest@example.com")
    record_use_of_token(guest)
    world = World(app, api, owner, guest, UUID(organization_id), UUID(invitation["id"]))
    for prepare in _preparations:
        prepare(world)
    return world
