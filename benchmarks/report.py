"""Formats the results as tables, and writes `docs/performance.md`."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median

from benchmarks.cases import Case
from benchmarks.processes import Figure

_DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
_TEMPLATE = Path(__file__).with_name("template.md")


@dataclass
class Result:
    """The measurements of a case: one of the floor and one of the project per round."""

    case: Case
    floor: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Measure the case once more."""
        if self.case.floor:
            self.floor.append(self.case.floor())
        self.ours.append(self.case.ours())

    @property
    def ratios(self) -> list[float]:
        """The cost relative to the floor, in each round."""
        return [ours / floor for ours, floor in zip(self.ours, self.floor, strict=True)] if self.floor else []

    @property
    def is_over_budget(self) -> bool:
        """Whether the project exceeded its budget in more than half of the rounds."""
        if self.case.budget is None:
            return False
        floor = self.floor or [0.0] * len(self.ours)
        return median(ours / self.case.budget.limit(each) for ours, each in zip(self.ours, floor, strict=True)) > 1

    def cells(self) -> list[str]:
        """Return the cells of the row in the report."""
        ratio = f"{median(self.ratios):.2f} ({min(self.ratios):.2f}–{max(self.ratios):.2f})" if self.ratios else ""
        floor = f"{median(self.floor):.2f}" if self.floor else ""
        budget = str(self.case.budget or "")
        return [self.case.name, floor, f"{median(self.ours):.2f}", ratio, budget, _verdict(budget, self.is_over_budget)]


CASE_HEADER = ["case", "floor", "ours", "ratio (range)", "budget", "verdict"]
_COUNTS = "\n\nThousand instructions per request, counted by Callgrind in process, without PostgreSQL and gunicorn:\n\n"
COUNT_HEADER = ["case", "floor", "ours", "ratio"]
FIGURE_HEADER = ["figure", "value", "unit", "budget", "verdict"]


def figure_cells(figure: Figure) -> list[str]:
    """Return the cells of a figure's row in the report."""
    budget = "" if figure.budget is None else f"{figure.budget:.1f}"
    return [figure.name, f"{figure.value:.2f}", figure.unit, budget, _verdict(budget, figure.is_over_budget)]


def count_rows(counted: Mapping[str, tuple[float, float]]) -> list[list[str]]:
    """Return the rows of the instruction counts in the report."""
    return [[name, f"{floor:,.0f}", f"{ours:,.0f}", f"{ours / floor:.2f}"] for name, (floor, ours) in counted.items()]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned."""
    lines = [header, ["-" * len(name) for name in header], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def write(
    results: Sequence[Result], figures: Sequence[Figure], counted: Mapping[str, tuple[float, float]], slowness: float
) -> None:
    """Write `docs/performance.md`."""
    compared = [result for result in results if result.floor]
    ratios = [median(result.ratios) for result in compared]
    page = _TEMPLATE.read_text().format(
        python=platform.python_version(),
        processor=f"{os.cpu_count()} cores ({platform.machine()})",
        rounds=len(results[0].ours),
        slowness=f"{slowness:.1f}",
        cases=table(CASE_HEADER, [result.cells() for result in results]),
        names=", ".join(f'"{result.case.name}"' for result in compared),
        top=ceil(max(ratios)),
        ratios=", ".join(f"{ratio:.2f}" for ratio in ratios),
        figures=table(FIGURE_HEADER, [figure_cells(figure) for figure in figures]),
        counts=_COUNTS + table(COUNT_HEADER, count_rows(counted)) if counted else "",
    )
    _DOCUMENT.write_text(page)


def _verdict(budget: str, is_over: bool) -> str:
    if not budget:
        return ""
    return "over budget" if is_over else "ok"
