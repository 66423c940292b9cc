"""The time."""

from datetime import UTC, datetime, timedelta

from project.infrastructure.clock import now


def test_now_is_this_moment_and_knows_its_zone() -> None:
    assert now().utcoffset() == timedelta(0)
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=1)
