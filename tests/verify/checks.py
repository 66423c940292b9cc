"""How a step says that something is not as it should be. Nothing here may show a token or a password."""

import re
from collections.abc import Callable, Mapping
from uuid import UUID

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Failed(Exception):
    """One thing is not as it should be."""

    def __init__(self, where: str, expected: object, seen: object) -> None:
        super().__init__(f"{where}: expected {expected}, saw {seen}")


def expect(where: str, expected: object, seen: object) -> None:
    """`seen` equals `expected`, or Failed shows both: neither may be a secret."""
    if seen != expected:
        raise Failed(where, expected, seen)


def expect_members(where: str, seen: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Each expected member is there, with its value or of its kind; further members are none of our business."""
    for name, wanted in expected.items():
        if name not in seen:
            raise Failed(where, f"a member {name}", f"only {', '.join(seen) or 'an empty object'}")
        if callable(wanted):
            _expect_kind(f"{where}: {name}", wanted, seen[name])
        else:
            expect(f"{where}: {name}", repr(wanted), repr(seen[name]))


def _expect_kind(where: str, is_kind: Callable[[object], bool], value: object) -> None:
    if not is_kind(value):
        # Only the type: the value may be a secret.
        raise Failed(where, is_kind.__name__.replace("_", " "), f"another {type(value).__name__}")


def an_id(value: object) -> bool:
    """A UUIDv7."""
    try:
        return isinstance(value, str) and UUID(value).version == 7
    except ValueError:
        return False


def a_time_in_utc(value: object) -> bool:
    """RFC 3339, with `Z`."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def a_positive_number(value: object) -> bool:
    """A count of something."""
    return type(value) is int and value > 0


def some_text(value: object) -> bool:
    """Not empty."""
    return isinstance(value, str) and value != ""


def a_token(value: object) -> bool:
    """Long enough not to be guessed."""
    return isinstance(value, str) and len(value) >= 32
