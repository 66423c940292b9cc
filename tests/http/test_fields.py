"""Schema fields reject values that have the wrong type or format, or are out of range."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marshmallow import ValidationError

from project.http.fields import Flag, JsonInteger, Lines, Pattern, Text, Time, Url

NUMBER, FLAG, TIME, URL = JsonInteger(0, 2**31 - 1), Flag(), Time(), Url()
TEXT, LINES = Text(20), Lines(20)


@pytest.mark.parametrize("value", ["1", 1.9, 1.0, True, -1, 2**31, 2**63, 10**400, [], {}, ""])
def test_integer_field_rejects_non_integers_and_out_of_range_values(value: Any) -> None:
    with pytest.raises(ValidationError):
        NUMBER.deserialize(value)


@pytest.mark.parametrize("value", ["yes", "true", "on", 1, 0, "", [], {}])
def test_boolean_field_rejects_non_booleans(value: Any) -> None:
    with pytest.raises(ValidationError):
        FLAG.deserialize(value)


@pytest.mark.parametrize(("field", "value"), [(NUMBER, 0), (NUMBER, 2**31 - 1), (FLAG, True), (FLAG, False)])
def test_integer_and_boolean_fields_accept_valid_values(field: Any, value: Any) -> None:
    assert field.deserialize(value) is value or field.deserialize(value) == value


@pytest.mark.parametrize("value", ["abc\n", "\nabc", "ab c", "", "abcdefghijk"])
def test_pattern_must_match_the_whole_value(value: str) -> None:
    with pytest.raises(ValidationError):
        Pattern("[a-z]+", 10, expected="letters").deserialize(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00.5z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789+02:00", datetime(2026, 1, 31, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-01-31T12:00:00-00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("0001-01-01T14:00:00+14:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T11:59:59-12:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_time_is_converted_to_utc(text: str, expected: datetime) -> None:
    time = TIME.deserialize(text)
    assert (time, time.utcoffset()) == (expected, timedelta(0))


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T24:00:00Z",
        "2026-02-29T12:00:00Z",
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "\u0662026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "",
        1769860800,
    ],
)
def test_invalid_time_is_rejected(value: Any) -> None:
    with pytest.raises(ValidationError):
        TIME.deserialize(value)


@pytest.mark.parametrize(
    ("text", "expected"), [("a\r\n\r\tb\rc", "a\n\n\tb\nc"), ("e\u0301\nb", "\u00e9\nb"), ("a" * 20, "a" * 20)]
)
def test_line_breaks_are_normalized(text: str, expected: str) -> None:
    assert LINES.deserialize(text) == expected


@pytest.mark.parametrize("value", ["a\0b", "a\x0bb", "a\x85b", "a\u2028b", "a\u202eb", "\n", "", "a" * 21, 1])
def test_invalid_lines_are_rejected(value: Any) -> None:
    with pytest.raises(ValidationError):
        LINES.deserialize(value)


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d",
        "\u2764\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    ],
    ids=ascii,
)
def test_text_may_contain_joiners_and_end_with_joiners_selectors_and_tags(text: str) -> None:
    assert TEXT.deserialize(f"\u200e{text}\u200e ") == text


def test_all_white_space_around_text_is_removed() -> None:
    spaces = "".join(filter(str.isspace, map(chr, range(0x110000))))
    assert TEXT.deserialize(f"{spaces}a{spaces}") == "a"


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://example.com:8443/a/%C3%A9;b=1,2?q=[x]&r='y'#top",
        "https://xn--bcher-kva.example?q",
        "https://example.com/" + "a" * 2028,
    ],
)
def test_absolute_http_urls_are_accepted(url: str) -> None:
    assert URL.deserialize(url) == url
    assert re.search(URL.metadata["pattern"], url)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "https://",
        "example.com",
        "//example.com",
        "javascript:alert(1)",
        "ftp://example.com",
        "https://ada:secret@example.com",
        "https://example.com/a b",
        'https://example.com/"',
        "https://example.com/<b>",
        "https://example.com\\a",
        "https://example.com/\u00e9",
        "https://example.com/\n",
        "https://example.com/" + "a" * 2029,
        1,
    ],
)
def test_other_urls_are_rejected(value: Any) -> None:
    with pytest.raises(ValidationError):
        URL.deserialize(value)
