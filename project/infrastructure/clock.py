"""The current time, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time as a timezone-aware datetime in UTC."""
    return datetime.now(UTC)
