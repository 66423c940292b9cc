"""Flows: each prepares an operation to interrupt, checks that its effect is complete or absent, and repeats it."""

from abc import abstractmethod
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import func, select

from project.infrastructure import signing
from project.infrastructure.database import read
from tests.interruptions.process_runner import ProcessRunner
from tests.kit.clients.api import Api
from tests.kit.fixtures.pictures import picture

_numbers = count(1)
PICTURE = picture(40, 30)


class Flow:
    """A prepared operation. A child process runs `operation`; the checks read its effect from the test process."""

    operation: dict[str, Any]
    decisive_commit: ClassVar[int]
    """The number of the commit with which the operation takes effect."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.number = next(_numbers)
        self.email = f"flow{self.number}@example.com"
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Create the resources that the operation needs, and set `operation`."""

    @abstractmethod
    def is_done(self) -> bool:
        """Return whether the operation took effect. Fails if it took effect only partially."""

    @abstractmethod
    def repeat(self, *, done: bool) -> None:
        """Repeat the operation, as a client or the system does if it receives no response."""


class World:
    """The initial state: an owner with an organization. `run` executes operations in child processes."""

    def __init__(self, api: Api, run: ProcessRunner) -> None:
        self.api, self.run = api, run
        self.owner = api.as_new_user()
        self.organization_id: str = self.owner.organization()["id"]

    def invite(self, email: str) -> tuple[UUID, str]:
        """Create an invitation and return its id and token."""
        invitation_id = UUID(self.owner.invitation(self.organization_id, email)["id"])
        return invitation_id, signing.issue("invitation", invitation_id, 1)


def count_rows(model: Any, *conditions: Any) -> int:
    with read() as connection:
        number: int = connection.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
    return number


def all_or_none(*parts: int) -> bool:
    """Return whether all parts exist. Fails unless every part exists exactly once or no part exists."""
    assert set(parts) in ({0}, {1}), parts
    return parts[0] == 1
