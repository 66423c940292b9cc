"""Makes times, ids and random values depend only on the actor, and on how many of them it has used."""

import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import uuid_utils.compat

from project.blueprints.auth import passwords
from project.infrastructure import clock
from project.infrastructure.jobs import claims
from tests.kit.interleaving.actors import current_actor

_advance: ContextVar[timedelta] = ContextVar("advance", default=timedelta())


@contextmanager
def determinism(start: datetime, used: Counter[int]) -> Iterator[None]:
    """Set the clock of each actor to a different fixed time after `start`.

    `used` counts the values that each actor has used, and must be cleared before each execution.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
            return start + timedelta(seconds=_number_of_actor()) + _advance.get()

    def number() -> int:
        actor = _number_of_actor()
        used[actor] += 1
        return (actor << 16) + used[actor]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "datetime", Clock)
        patch.setattr(uuid_utils.compat, "uuid7", lambda: UUID(int=(0xFFFF << 112) + (7 << 76) + number()))
        patch.setattr(secrets, "token_hex", lambda size: f"{number():0{2 * size}x}")
        patch.setattr(claims, "uuid4", lambda: UUID(int=number()))
        patch.setattr(random, "uniform", max)
        hasher = _Hasher(passwords._hasher)
        patch.setattr(passwords, "_hasher", lambda: hasher)
        # Estimating the strength of a password takes longer than all statements.
        patch.setattr(passwords, "weakness", lambda *_args, **_options: None)
        yield


@contextmanager
def later(**duration: int) -> Iterator[None]:
    """Advance the clock of this actor, for example by `days=60`. The operation then finds what is overdue by then."""
    token = _advance.set(timedelta(**duration))
    try:
        yield
    finally:
        _advance.reset(token)


def _number_of_actor() -> int:
    """Return 1 for the first actor, 2 for the second, and so on, and 0 in other threads."""
    actor = current_actor()
    return actor.index + 1 if actor else 0


class _Hasher:
    """Does not hash new passwords, and verifies hashes that were made before. The latter are outdated."""

    def __init__(self, hasher: Callable[[], Any]) -> None:
        self._hasher = hasher

    def hash(self, password: str) -> str:
        return password

    def verify(self, password_hash: str, password: str) -> bool:
        return password_hash == password or bool(self._hasher().verify(password_hash, password))

    def check_needs_rehash(self, password_hash: str) -> bool:
        return password_hash.startswith("$argon2id$")
