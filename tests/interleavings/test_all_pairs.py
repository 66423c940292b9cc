"""Every order of the statements of two or three operations has the outcome of one of their serial orders."""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import Any

import pytest

from tests.kit.interleaving.explorer import Explorer
from tests.kit.interleaving.operations import operations

_PAIRS = list(combinations_with_replacement(sorted(operations()), 2))
_TRIPLES = [
    ("accept_invitation", "accept_invitation", "log_out"),
    ("claim", "claim", "finish"),
    ("claim", "release", "republish"),
    ("delete_file", "mark_thumbnails_failed", "rename_file"),
    ("expire_invitations", "mark_delivery_failed", "mark_delivery_failed"),
    ("log_out", "refresh", "refresh"),
    ("purge_job", "retry_job", "retry_job"),
    ("refresh_after_lost_response", "refresh_after_lost_response", "use_access_token"),
    ("register", "register", "register"),
]
_MAX_STEPS = 7
_KEYED = "_with_key"
_KEYS = "purge_idempotency_keys"


def _parameters() -> Iterator[Any]:
    """Yield every pair and triple of operations.

    A request with a key executes the statements of its operation, and those of the key. Pairs of such a request with an
    unrelated operation are executed only by the full run: the pairs of its operation without a key are similar.
    """
    for names in _PAIRS + _TRIPLES:
        is_keyed = any(name.endswith(_KEYED) for name in names)
        is_related = len({name.removesuffix(_KEYED) for name in names}) == 1 or _KEYS in names
        marks = [pytest.mark.full] if is_keyed and not is_related else []
        yield pytest.param(names, marks=marks, id="-".join(names))


@pytest.mark.parametrize("names", list(_parameters()))
def test_operations_have_only_serial_outcomes(
    exploring: Explorer, names: Sequence[str], request: pytest.FixtureRequest
) -> None:
    schedule = request.config.getoption("--schedule", None)
    if schedule or not exploring.are_independent(*names):
        exploring.ensure_serial(*names, schedule=schedule)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("names", _PAIRS, ids="-".join)
def test_reduced_orders_of_short_operations_have_the_same_outcomes_as_all_orders(
    exploring: Explorer, names: Sequence[str]
) -> None:
    if max(map(exploring.count_steps, names)) <= _MAX_STEPS:
        everything = exploring.explore(*names, reduced=False)
        assert not everything.anomalies
        assert everything.interleaved.keys() == exploring.explore(*names).interleaved.keys()
