"""The clock returns timezone-aware times in UTC."""

from datetime import UTC, datetime, timedelta

from project.infrastructure.clock import now


def test_now_is_current_time_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=1)
