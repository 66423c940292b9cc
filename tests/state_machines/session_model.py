"""A model of one session: the expected state, with which `test_session.py` compares the session's tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE, IDLE, MAX_AGE = timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=40)


@dataclass
class Model:
    """The expected state. `used` is the newest generation whose access token was used."""

    rotated_at: datetime
    idle_until: datetime
    expires_at: datetime
    generation: int = 1
    used: int = 0
    is_ended: bool = False

    @classmethod
    def opened(cls, at: datetime) -> "Model":
        return cls(at, at + IDLE, at + MAX_AGE)

    def is_live(self, at: datetime) -> bool:
        return not self.is_ended and at < self.idle_until and at < self.expires_at

    def problem_of_refresh(self, presented: int, at: datetime) -> str | None:
        """Return the problem code of a refresh with the token of this generation, or `None` if it succeeds."""
        is_retry = presented == self.generation - 1
        may_retry = is_retry and (self.used < self.generation or at - self.rotated_at <= GRACE)
        if not self.is_live(at):
            return "refresh-token-invalid"
        return None if presented == self.generation or may_retry else "refresh-token-reused"

    def refresh(self, presented: int, at: datetime) -> str | None:
        problem = self.problem_of_refresh(presented, at)
        if problem is None and presented == self.generation:
            self.generation, self.rotated_at, self.idle_until = self.generation + 1, at, at + IDLE
        self.is_ended |= problem == "refresh-token-reused"
        return problem

    def use(self, generation: int) -> None:
        self.used = max(self.used, generation)
