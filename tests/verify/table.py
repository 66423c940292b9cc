"""The output table. On a terminal, the current step has a spinner; elsewhere, a line is printed when a step ends."""

import os
import shutil
import sys
import threading
from itertools import cycle
from typing import TextIO

_NAME, _CHECKS, _MS = 18, 62, 6
_MARKS = {"passed": "✓", "failed": "✗", "not run": "·"}
_COLORS = {"passed": "32", "failed": "31", "not run": "2"}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_CLEAR_LINE = "\r\x1b[2K"


class Table:
    """A table with one line per step."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._is_live = self._out.isatty() and os.environ.get("TERM") != "dumb"
        self._has_color = self._is_live and not os.environ.get("NO_COLOR")
        self._row = ("", "")
        self._spinner: _Spinner | None = None

    def begin(self, name: str, checks: str) -> None:
        """Show that a step has started."""
        self._row = (name, checks)
        if self._is_live:
            self._spinner = _Spinner(self._out, _line(name, checks))

    def end(self, outcome: str, ms: int, detail: str) -> None:
        """Print the result of the current step. `detail` is the reason for a failure."""
        self.close()
        duration = f"{ms:>{_MS}} ms" if outcome != "not run" else outcome.rjust(_MS + 3)
        mark = self._paint(_MARKS[outcome], _COLORS[outcome])
        self.write(f" {mark} {_line(*self._row)} {duration}")
        if outcome == "failed":
            self.write(f"     {self._paint(detail, _COLORS[outcome])}")

    def write(self, text: str = "") -> None:
        """Print a line of text."""
        print(text, file=self._out, flush=True)

    def close(self) -> None:
        """Stop the spinner and clear its line."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._has_color else text


class _Spinner:
    def __init__(self, out: TextIO, line: str) -> None:
        self._out, self._ended = out, threading.Event()
        # Truncate the line: a wrapped line could not be overwritten.
        self._line = line[: shutil.get_terminal_size().columns - 4]
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._write(_CLEAR_LINE)

    def _spin(self) -> None:
        for frame in cycle(_SPINNER):
            self._write(f"{_CLEAR_LINE} {frame} {self._line}")
            if self._ended.wait(0.08):
                return

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _line(name: str, checks: str) -> str:
    return f"{name:<{_NAME}} {checks:<{_CHECKS}}"
