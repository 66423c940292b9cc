"""Schema fields reject values that have the wrong type or format, or are out of range."""

from typing import Any

import pytest
from marshmallow import ValidationError

from project.http.fields import Flag, JsonInteger, Pattern

NUMBER, FLAG = JsonInteger(0, 2**31 - 1), Flag()


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
