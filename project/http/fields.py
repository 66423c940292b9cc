"""Marshmallow fields that never guess types, and reject text that is unsafe in the database, in logs or in emails."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from marshmallow import ValidationError, fields, validate

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_UNSAFE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
_INVISIBLE_CATEGORIES = ("Cf", "Mn", "Me", "Zs")
# White space, of which U+3000 is the last, and format characters. Joiners, variation selectors and tags are not among
# them, because text may end with them: the flag of England ends with six tags.
_INVISIBLE_AT_ENDS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "".join(_BIDI)
_INVISIBLE_AT_ENDS += "\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff"
_JOINERS = "\u200c\u200d"
_MAX_EMAIL_LENGTH = 254
_EMAIL = "Addresses are compared regardless of case. An internationalized domain is equal to its `xn--` form."
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
_OFFSET = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
# Host, port, and the characters of RFC 3986 in the rest.
_URL = r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?"
# NFC composes at most this many code points into one.
_MAX_COMPOSED = 4
# Accept mailboxes of private networks: `.local` (RFC 6762, appendix G) and `home.arpa` (RFC 8375). The list can only
# reject all of `arpa`; the names in it that look like hosts are those for reverse lookups.
SPECIAL_USE_DOMAIN_NAMES.remove("local")
SPECIAL_USE_DOMAIN_NAMES.remove("arpa")
SPECIAL_USE_DOMAIN_NAMES += ["in-addr.arpa", "ip6.arpa"]


class Text(fields.String):
    """One line of visible text of `minimum` to `maximum` characters, normalized to NFC.

    White space and invisible marks at both ends are removed: phone keyboards append spaces, and copied text may have
    direction marks around it.
    """

    _invisible_at_ends = _INVISIBLE_AT_ENDS
    _allowed_controls = frozenset[str]()

    def __init__(self, maximum: int, *, minimum: int = 1, **options: Any) -> None:
        super().__init__(validate=validate.Length(minimum, maximum), **options)
        self._maximum = maximum

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        raw: str = super()._deserialize(value, attr, data, **options)
        # Check the length first: normalization takes quadratic time, minutes for a megabyte of combining marks.
        if len(raw) > self._maximum * _MAX_COMPOSED:
            raise ValidationError(f"Longer than maximum length {self._maximum}.")
        text = self._normalize(raw)
        if any(self._is_unsafe(char) for char in text):
            raise ValidationError("Must not contain control characters or bidirectional formatting characters.")
        if all(unicodedata.category(char) in _INVISIBLE_CATEGORIES for char in text):
            raise ValidationError("Must be visible text.")
        return text

    def _normalize(self, raw: str) -> str:
        return unicodedata.normalize("NFC", raw).strip(self._invisible_at_ends)

    def _is_unsafe(self, char: str) -> bool:
        is_control = unicodedata.category(char) in _UNSAFE_CATEGORIES and char not in self._allowed_controls
        return is_control or char in _BIDI


class Lines(Text):
    """Visible text that may contain line breaks and tabs. `\\r\\n` and `\\r` are replaced with `\\n`."""

    _allowed_controls = frozenset("\t\n")

    def _normalize(self, raw: str) -> str:
        return super()._normalize(raw.replace("\r\n", "\n").replace("\r", "\n"))


class Secret(fields.String):
    """A password or token, accepted unchanged."""

    def __init__(self, maximum: int, **options: Any) -> None:
        super().__init__(validate=validate.Length(1, maximum), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if any(unicodedata.category(char) == "Cs" for char in text):
            raise ValidationError("Must be valid Unicode.")
        return text


class Password(Secret):
    """A password. The maximum length bounds the cost of hashing it."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"format": "password", "example": "seven unlikely herons"})
        super().__init__(1024, load_only=True, **options)


class Email(Text):
    """An email address. Checks the syntax (RFC 5321, RFC 5322, IDNA 2008) without looking up the domain."""

    _invisible_at_ends = _INVISIBLE_AT_ENDS + _JOINERS

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"format": "email", "example": "ada@example.com", "description": _EMAIL})
        super().__init__(_MAX_EMAIL_LENGTH, minimum=3, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise ValidationError("Not a valid email address.") from error
        return text


class Pattern(fields.String):
    """Text that fully matches a regular expression. `expected` describes it in the error: "Must be {expected}."."""

    def __init__(self, pattern: str, maximum: int, *, expected: str, minimum: int = 1, **options: Any) -> None:
        metadata = {"pattern": f"^{pattern}$", **options.pop("metadata", {})}
        super().__init__(validate=validate.Length(minimum, maximum), metadata=metadata, **options)
        self._pattern = re.compile(pattern)
        self._expected = expected

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if not self._pattern.fullmatch(text):
            raise ValidationError(f"Must be {self._expected}.")
        return text


class Slug(Pattern):
    """A name for use in paths: lowercase letters, digits and single hyphens."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"example": "analytical-engines"})
        super().__init__(
            "[a-z0-9]+(-[a-z0-9]+)*", 63, minimum=2, expected="lowercase letters, digits and single hyphens", **options
        )


class Url(Pattern):
    """An absolute `http` or `https` URL, in ASCII and without a user name or password."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"example": "https://example.com/notes"})
        super().__init__(_URL, 2048, expected="an absolute http or https URL in ASCII", **options)


class Sha256(Pattern):
    """A SHA-256 digest in hexadecimal."""

    def __init__(self, **options: Any) -> None:
        metadata = {"example": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
        metadata |= options.pop("metadata", {})
        super().__init__(
            "[0-9a-fA-F]{64}", 64, minimum=64, expected="a SHA-256 digest in hexadecimal", metadata=metadata, **options
        )


class Token(Secret):
    """A token issued by this service. This field validates only the length; the blueprint verifies the token."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"example": "01a1e2c47f3a7c119d0e3f5b8a6c2d41.1.vRk0mHk2"})
        super().__init__(4096, **options)


class QueryInteger(fields.Integer):
    """An integer in a query parameter, in decimal digits."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", str(value), re.ASCII):
            raise ValidationError("Must be a whole number.")
        return int(value)


class Choice(fields.String):
    """One of a fixed set of words."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        super().__init__(validate=validate.OneOf(list(words)), **options)


class JsonInteger(fields.Integer):
    """A JSON integer. Rejects strings and fractions."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(minimum, maximum), **options)


class Flag(fields.Boolean):
    """A JSON boolean. Rejects strings and numbers."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Id(fields.UUID):
    """The id of a resource, a version 7 UUID."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"example": "01a1e2c4-7f3a-7c11-9d0e-3f5b8a6c2d41"})
        super().__init__(**options)


class Time(fields.String):
    """A point in time in a request: RFC 3339 with an offset. Converted to UTC and truncated to microseconds.

    Leap seconds are rejected, as are times before year 1 or after year 9999 in UTC.
    """

    def __init__(self, **options: Any) -> None:
        metadata = {"format": "date-time", "maxLength": 35, "example": "2026-01-31T12:00:00Z"}
        super().__init__(metadata=metadata | options.pop("metadata", {}), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:  # type: ignore[override]
        text: str = super()._deserialize(value, attr, data, **options)
        if not re.fullmatch(_TIME + _OFFSET, text):
            raise ValidationError("Must be a date and time with a UTC offset, such as 2026-01-31T12:00:00Z.")
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Must be a valid date between the years 1 and 9999 in UTC.") from error


class Timestamp(fields.DateTime):
    """A timestamp in a response: RFC 3339, in UTC with `Z`."""

    def __init__(self, **options: Any) -> None:
        metadata = {"example": "2026-01-31T12:00:00.000000Z", **options.pop("metadata", {})}
        super().__init__(dump_only=True, metadata=metadata, **options)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        if value is None:
            return None
        # The database returns times in UTC.
        return (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat(timespec="microseconds")[:-6] + "Z"
