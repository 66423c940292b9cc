"""Measures everything and compares it with its budget: `./bin/bench`."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import dataset, report
from benchmarks.cases import all_cases, measure_slowness
from benchmarks.instructions import count_instructions
from benchmarks.processes import figures
from benchmarks.report import Result
from benchmarks.servers import serve
from tests.kit.servers.services import postgres, redis


def main() -> bool:
    """Print the report. Return whether everything is within its budget."""
    options = _options()
    with postgres() as database, redis() as broker, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url = database.create_database()
        with serve(Path(folder), database=url, broker=broker.url) as servers, servers.worker() as worker_pid:
            dataset.fill(servers)
            slowness = measure_slowness(servers)
            cases = all_cases(servers, worker_pid, slowness)
            results = [Result(case) for case in cases if all(word in case.name for word in options.words)]
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds} …", file=sys.stderr, flush=True)
                for result in results:
                    result.measure()
            measured = [] if options.words else figures(servers, slowness)
            counted = count_instructions(servers) if options.instructions else {}
    print(report.table(report.CASE_HEADER, [result.cells() for result in results]))
    if measured:
        print(report.table(report.FIGURE_HEADER, [report.figure_cells(figure) for figure in measured]))
    if counted:
        print(report.table(report.COUNT_HEADER, report.count_rows(counted)))
    if options.write:
        report.write(results, measured, counted, slowness)
    return not any(each.is_over_budget for each in (*results, *measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./bin/bench", description=__doc__)
    parser.add_argument("words", nargs="*", help="measure only cases whose name contains all of these words")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--instructions", action="store_true", help="count instructions; requires Valgrind")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    if options.write and options.words:
        parser.error("--write needs the figures of all cases: omit the words")
    return options


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
