"""The command line: `python -m tests.mutation [TARGET…] [--tests TEST…]`."""

import argparse
import sys
from collections.abc import Iterator

import pytest

from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.session import ROOT, MutationPlugin

MIN_PERCENT = 92
QUERIES = [f"project/infrastructure/{name}.py" for name in ("jobs/*", "idempotency_records", "audit")]
LOGIC = [
    f"project/blueprints/*/{name}.py" for name in ("policy", "repository", "repository/*", "service*", "service/*")
]
# Tests that start no servers, processes or threads.
TESTS = [
    *("tests/blueprints", "--ignore=tests/blueprints/test_listing_cost.py", "tests/worker/tasks"),
    *("tests/infrastructure/jobs", "--ignore=tests/infrastructure/jobs/test_publisher.py"),
    *("tests/infrastructure/test_idempotency_records.py", "tests/cli/test_jobs.py", "tests/http/auth"),
    "tests/http/routing",
]
OPTIONS = [
    "-q",
    "-p",
    "no:cacheprovider",
    "-m",
    "not full",
    "-k",
    "not postgresql and not redis and not concurrent",
    "--timeout=60",
]


def main(argv: list[str] | None = None) -> int:
    """Run the mutants and print the survivors. Returns 1 if too many survive, or any that drops a condition."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("targets", nargs="*", default=[""], help="run only mutants with this text in their description")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="run only these tests")
    arguments = parser.parse_args(argv)
    mutants = [each for each in all_mutants() if each.key not in EQUIVALENTS]
    mutants = [each for each in mutants if any(target in str(each) for target in arguments.targets)]
    plugin = MutationPlugin(mutants)
    if pytest.main([*OPTIONS, *arguments.tests], [plugin]) not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return 1
    return _report(mutants, plugin.survivors)


def all_mutants() -> Iterator[Mutant]:
    """Yield all mutants of the files in QUERIES and LOGIC."""
    for patterns, only_conditions in ((QUERIES, True), (LOGIC, False)):
        for file in sorted(file for pattern in patterns for file in ROOT.glob(pattern)):
            yield from mutants_of(str(file.relative_to(ROOT)), file.read_text(), only_conditions=only_conditions)


def _report(mutants: list[Mutant], survivors: list[Mutant]) -> int:
    for mutant in survivors:
        print(f"survived: {mutant}")
    detected = len(mutants) - len(survivors)
    percent = 100 * detected / max(len(mutants), 1)
    print(f"mutation score: {detected} of {len(mutants)} ({percent:.0f} %)")
    return int(percent < MIN_PERCENT or any(mutant.drops_condition for mutant in survivors))


if __name__ == "__main__":
    sys.exit(main())
