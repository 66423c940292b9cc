"""Mutants are generated as documented, and every listed equivalent still exists."""

import pytest

from tests.mutation.__main__ import all_mutants
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.mutants import mutants_of

QUERY = """
_IS_MINE = and_(Job.id == 1, Job.holder == 2)
def find(name):
    within = {Job.name: name} | others()
    return select(Job).where(_IS_MINE, Job.status == "dead")
"""


def changes(source: str, *, only_conditions: bool) -> list[str]:
    return [mutant.change for mutant in mutants_of("a.py", source, only_conditions=only_conditions)]


def test_each_condition_of_a_query_is_dropped() -> None:
    assert sorted(changes(QUERY, only_conditions=True)) == [
        *("drop Job.holder == 2", "drop Job.id == 1", "drop Job.name"),
        *("drop Job.status == 'dead'", "drop _IS_MINE", "drop others()"),
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "return a < 1",
            ["return a < 1 → return None", "return a < 1 → return not …", "a < 1 → a <= 1", "1 → 2", "1 → 0"],
        ),
        ("f(not a)", ["remove f(not a)", "not a → a"]),
        ("x = a and True", ["a and True → a or True", "True → False"]),
    ],
)
def test_statement_is_changed_in_each_way(statement: str, expected: list[str]) -> None:
    assert changes(f"def f(a: int) -> bool:\n    {statement}", only_conditions=False) == expected


def test_listed_equivalents_exist() -> None:
    assert EQUIVALENTS.keys() - {mutant.key for mutant in all_mutants()} == set()
