"""Expectations that the steps check. Messages must never contain a token or a password."""

import re
from collections.abc import Callable, Mapping
from uuid import UUID

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Failed(Exception):
    """An expectation was not met."""

    def __init__(self, where: str, expected: object, actual: object) -> None:
        super().__init__(f"{where}: expected {expected}, got {actual}")


def expect(where: str, expected: object, actual: object) -> None:
    """Raise Failed unless the values are equal. The message shows both, so neither may be a secret."""
    if actual != expected:
        raise Failed(where, expected, actual)


def expect_members(where: str, actual: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Raise Failed unless each expected member exists and equals its value or satisfies its predicate.

    Other members are ignored.
    """
    for name, value_or_predicate in expected.items():
        if name not in actual:
            raise Failed(where, f"a member {name}", f"only {', '.join(actual) or 'an empty object'}")
        if callable(value_or_predicate):
            _expect_that(f"{where}: {name}", value_or_predicate, actual[name])
        else:
            expect(f"{where}: {name}", repr(value_or_predicate), repr(actual[name]))


def _expect_that(where: str, predicate: Callable[[object], bool], value: object) -> None:
    if not predicate(value):
        # The message shows only the type, since the value may be a secret.
        raise Failed(where, predicate.__name__.replace("_", " "), f"another value of type {type(value).__name__}")


def a_uuid7(value: object) -> bool:
    """Return whether the value is a version 7 UUID as a string."""
    try:
        return isinstance(value, str) and UUID(value).version == 7
    except ValueError:
        return False


def a_utc_time(value: object) -> bool:
    """Return whether the value is an RFC 3339 timestamp in UTC, ending in `Z`."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def a_positive_integer(value: object) -> bool:
    """Return whether the value is an integer greater than 0."""
    return type(value) is int and value > 0


def a_nonempty_string(value: object) -> bool:
    """Return whether the value is a non-empty string."""
    return isinstance(value, str) and value != ""


def a_token(value: object) -> bool:
    """Return whether the value is a string of at least 32 characters, too long to guess."""
    return isinstance(value, str) and len(value) >= 32
