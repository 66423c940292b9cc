"""Runs tests against each mutant: pytest collects all tests once, then forks a process for each mutant."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from coverage import Coverage

from tests.mutation import patching
from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
_MAX_TESTS = 250
_PROCESSES = 2
_SURVIVED, _DETECTED = 0, 1


class MutationPlugin:
    """A pytest plugin that runs all tests once, to measure which lines each executes, and then some for each mutant."""

    def __init__(self, mutants: Sequence[Mutant]) -> None:
        self._mutants = mutants
        self._coverage = Coverage(data_file=None, source=["project"], config_file=False)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._running: dict[int, Mutant] = {}
        self._failing: set[str] = set()
        self._is_mutated = False
        self.survivors: list[Mutant] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants instead of the tests."""
        self._measure(session.items)
        session.config.pluginmanager.unregister(name="terminalreporter")
        tests = {item.nodeid: item for item in session.items}
        for mutant in self._mutants:
            if len(self._running) == _PROCESSES:
                self._wait()
            self._start(mutant, [tests[name] for name in self._tests_for(mutant)])
        while self._running:
            self._wait()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End the process of a mutant at the first failure."""
        if report.failed and self._is_mutated:
            os._exit(_DETECTED)
        if report.failed:
            print(f"ignored, because it fails without a mutant: {report.nodeid}")
            self._failing.add(report.nodeid)
        self._seconds[report.nodeid] += report.duration

    def _measure(self, tests: Sequence[pytest.Item]) -> None:
        self._coverage.start()
        for test, following in zip(tests, [*tests[1:], tests[0]], strict=True):
            self._coverage.switch_context(test.nodeid)
            _run(test, following)
        self._coverage.stop()

    def _tests_for(self, mutant: Mutant) -> list[str]:
        """Return the names of up to _MAX_TESTS tests that execute the mutant: those of its subject first, by speed."""
        subject = mutant.path.split("/")[2].removesuffix(".py")
        contexts = self._coverage.get_data().contexts_by_lineno(str(ROOT / mutant.path))

        def executing(lines: Iterable[int]) -> set[str]:
            return {name for line in lines for name in contexts.get(line, ()) if name}

        names = executing(mutant.lines) or executing(patching.dependent_lines(mutant))
        usable = names - self._failing
        return sorted(usable, key=lambda name: (subject not in name, self._seconds[name], name))[:_MAX_TESTS]

    def _start(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> None:
        process_id = os.fork()
        if process_id:
            self._running[process_id] = mutant
            return
        self._is_mutated = True
        patching.apply(mutant)
        for test, following in zip(tests, [*tests[1:], *tests[:1]], strict=True):
            _run(test, following)
        os._exit(_SURVIVED)

    def _wait(self) -> None:
        process_id = next(iter(self._running))
        _, status = os.waitpid(process_id, 0)
        mutant, code = self._running.pop(process_id), os.waitstatus_to_exitcode(status)
        assert code in (_SURVIVED, _DETECTED), f"{mutant}: the process of the mutant exited with {code}"
        if code == _SURVIVED:
            self.survivors.append(mutant)


def _run(test: pytest.Item, following: pytest.Item) -> None:
    """Run a test. Keeps the fixtures that the test `following` also uses."""
    test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
