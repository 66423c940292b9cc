"""Safe filenames: their length, their extensions, and the time needed for very long names."""

import time

import pytest

from project.blueprints.files.policy import safe_filename


def test_long_filename_is_truncated_quickly() -> None:
    started = time.process_time()
    name = safe_filename("\u0315\u0300" * 60_000 + ".txt")
    assert time.process_time() - started < 1
    assert len(name) <= 255
    assert name.endswith(".txt")


@pytest.mark.parametrize(("length", "is_kept"), [(1, True), (19, True), (20, False)])
def test_long_filename_keeps_a_short_extension(length: int, is_kept: bool) -> None:
    extension = "." + "e" * length
    name = safe_filename("n" * 300 + extension)
    assert len(name) == 255
    assert name.endswith(extension) is is_kept


@pytest.mark.parametrize("length", [254, 255])
def test_filename_of_up_to_255_characters_is_unchanged(length: int) -> None:
    name = "n" * (length - 4) + ".txt"
    assert safe_filename(name) == name


def test_long_filename_is_normalized_before_it_is_truncated() -> None:
    assert safe_filename("\u03b1\u0313\u0300\u0345" * 255) == "\u1f82" * 255
