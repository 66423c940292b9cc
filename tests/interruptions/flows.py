"""What is interrupted: each flow with its preparation, what must hold of it, and its repetition."""

from abc import abstractmethod
from io import BytesIO
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from PIL import Image
from sqlalchemy import func, select

from project.infrastructure import signing
from project.infrastructure.database import read
from tests.interruptions.driver import Doomed
from tests.kit.clients.api import Api

_numbers = count(1)


def _picture() -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "PNG")
    return drawn.getvalue()


PICTURE = _picture()


class Flow:
    """One thing to do, prepared. `order` is for the driver; everything else looks from outside."""

    order: dict[str, Any]
    decisive: ClassVar[int]  # Which of its commits makes it so.

    def __init__(self, world: "World") -> None:
        self.world = world
        self.number = next(_numbers)
        self.email = f"flow{self.number}@example.com"
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Make what it needs, and set `order`."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether it was done; fails unless it was done wholly or not at all."""

    @abstractmethod
    def repeat(self, *, done: bool) -> None:
        """Do again what may have been done, as a client or the system does that got no answer."""


class World:
    """Who is there before: an owner with an organization."""

    def __init__(self, api: Api, doomed: Doomed) -> None:
        self.api, self.doomed = api, doomed
        self.owner = api.signed_in()
        self.organization_id: str = self.owner.organization()["id"]

    def invited(self, email: str) -> tuple[UUID, str]:
        """Id and token of a new invitation."""
        invitation_id = UUID(self.owner.invitation(self.organization_id, email)["id"])
        return invitation_id, signing.issue("invitation", invitation_id, 1)


def counted(model: Any, *conditions: Any) -> int:
    with read() as connection:
        number: int = connection.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
    return number


def all_or_none(*parts: int) -> bool:
    """Whether there is one of each part; fails where there are some, or more than one."""
    assert set(parts) in ({0}, {1}), parts
    return parts[0] == 1
