"""The time, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware of its zone."""
    return datetime.now(UTC)
