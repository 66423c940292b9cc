"""A race: many do the same at the same moment, round after round, on connections of their own, at two web processes."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any

from tests.kit.clients.remote import run_concurrently

Act = Callable[[], Any]
# Prepares, yields what is raced, is sent the answers in the same order, and judges them.
Round = Generator[Act | Sequence[Act], list[Any], None]


def race(n: int, rounds: int, run: Callable[[], Round]) -> None:
    """Race `n` acts in each of so many rounds; a round that yields several acts has them take turns.

    def run():
        body = {"email": new_address()}
        answers = yield partial(api.post, "/register", body)
        assert outcomes(answers) == {201: 1, "email-taken": n - 1}
    """
    for _ in range(rounds):
        one = run()
        acts = next(one)
        listed = [acts] if callable(acts) else list(acts)
        with suppress(StopIteration):
            one.send(run_concurrently([listed[number % len(listed)] for number in range(n)]))
            raise RuntimeError("a round yields once")


def outcomes(answers: Sequence[Any]) -> Counter[Any]:
    """How often each outcome occurred: the code of a problem, or the status."""
    return Counter((answer.get_json(force=True) or {}).get("code", answer.status_code) for answer in answers)
