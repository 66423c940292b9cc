"""The conformance suite finds what people get wrong: each planted fault fails a check by name."""

from collections.abc import Callable, Iterator

import pytest

from project.app import BLUEPRINTS
from tests.conformance.checks import CHECKS
from tests.conformance.seeded_faults import blueprint
from tests.conformance.world import World

FAULTS = {
    ("open_routes_say_why", "read_openly"),
    ("succeeds_as_documented", "dump_whole"),
    ("refuses_the_same_again_as_documented", "abort_with_text"),
    ("lists_in_pages", "list_all"),
    ("repeats_its_answer_and_not_its_effect", "create_twice"),
    ("refuses_the_same_again_as_documented", "refuse_undocumented"),
    ("strangers_see_nothing", "get_anyones_thing"),
    ("every_text_and_list_is_bounded", "take_any_length"),
    ("reads_write_nothing", "read_and_write"),
    ("changes_only_the_version_that_was_read", "update_any_version"),
}


@pytest.fixture(scope="module")
def planted(settle: Callable[[], World]) -> Iterator[World]:
    """A world with the faulty blueprint in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("project.app.BLUEPRINTS", (*BLUEPRINTS, blueprint))
        yield settle()


@pytest.fixture(scope="module")
def failures(planted: World) -> set[tuple[str, str]]:
    """Check and operation of each failure among the operations of the faulty blueprint."""
    operations = [one for one in planted.operations if "planted" in one.path]
    return {(check.name, one.name) for one in operations for check in CHECKS if check.fails(one, planted)}


@pytest.mark.parametrize(("check", "operation"), sorted(FAULTS))
def test_planted_fault_fails_by_name(failures: set[tuple[str, str]], check: str, operation: str) -> None:
    assert (check, operation) in failures


def test_nothing_else_fails(failures: set[tuple[str, str]]) -> None:
    assert {operation for _check, operation in failures} == {operation for _check, operation in FAULTS}
