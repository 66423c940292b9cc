"""A model of one job: the expected state, with which `test_job.py` compares the job's row."""

from dataclasses import dataclass
from uuid import UUID

from project.infrastructure.jobs import FailureKind

ATTEMPTS, TRANSIENT_ATTEMPTS = 2, 3


@dataclass
class Model:
    """The expected state. `is_free`: the job can be claimed. `is_overdue`: the next republish run must publish it."""

    status: str = "queued"
    attempts: int = 0
    transient_failures: int = 0
    holder: UUID | None = None
    effects: int = 0
    is_free: bool = True
    is_overdue: bool = False

    def claim(self, holder: UUID | None) -> None:
        self.status, self.holder, self.attempts = "running", holder, self.attempts + 1
        self.is_free = self.is_overdue = False

    def end(self, status: str) -> None:
        self.status, self.holder, self.is_free, self.is_overdue = status, None, False, False

    def release(self) -> None:
        self.end("queued")
        self.attempts, self.is_free, self.is_overdue = self.attempts - 1, True, True

    def fail(self, kind: FailureKind) -> None:
        is_dead = {
            FailureKind.PERMANENT: True,
            FailureKind.TRANSIENT: self.transient_failures + 1 == TRANSIENT_ATTEMPTS,
            FailureKind.OTHER: self.attempts - self.transient_failures >= ATTEMPTS,
        }
        self.end("dead" if is_dead[kind] else "queued")
        self.transient_failures += kind is FailureKind.TRANSIENT and not is_dead[kind]

    def have_effect(self) -> None:
        self.effects += 1

    def let_a_moment_pass(self) -> None:
        self.is_overdue = self.is_free

    def let_hours_pass(self) -> None:
        self.is_free = self.is_overdue = self.status in ("queued", "running")
