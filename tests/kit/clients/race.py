"""Races: in each round, many clients send requests to two web processes at the same moment."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any

from tests.kit.clients.remote import run_concurrently

Action = Callable[[], Any]
# A round sets up state, yields one or more actions, receives their responses in order, and checks them.
Round = Generator[Action | Sequence[Action], list[Any], None]


def race(n: int, rounds: int, run: Callable[[], Round]) -> None:
    """Run `rounds` rounds of `n` concurrent actions. If a round yields several actions, they alternate.

    def run():
        body = {"email": new_address()}
        responses = yield partial(api.post, "/register", body)
        assert outcomes(responses) == {201: 1, "email-taken": n - 1}
    """
    for _ in range(rounds):
        current = run()
        yielded = next(current)
        actions = [yielded] if callable(yielded) else list(yielded)
        with suppress(StopIteration):
            current.send(run_concurrently([actions[number % len(actions)] for number in range(n)]))
            raise RuntimeError("a round must yield exactly once")


def outcomes(responses: Sequence[Any]) -> Counter[Any]:
    """Count the responses by problem code or, for successes, by status."""
    return Counter(
        (response.get_json(force=True, silent=True) or {}).get("code", response.status_code) for response in responses
    )
