"""Server processes that are stopped by their id, and that die with whoever started them."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec it would be too late to import anything.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServiceUnavailable(RuntimeError):
    """A real service cannot be had on this machine; the message says which, and why."""


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    stop: signal.Signals = signal.SIGTERM,
    user: str | None = None,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends, its output in `log`.

    The kernel sends `stop` too when the thread that started it ends: start services from the main thread.
    """
    process = _start(command, log, stop, user, {"cwd": cwd, "env": env})
    try:
        yield process
    finally:
        _stop(process, stop)


def wait_until(ready: Callable[[], object], process: subprocess.Popen[bytes], *, log: Path, seconds: float) -> None:
    """Return once `ready()` raises no more; its failures count as 'not yet'."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ready()
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceUnavailable(_obituary(process, log)) from error
            time.sleep(0.03)
        else:
            return


def eventually(holds: Callable[[], object], seconds: float = 20) -> float:
    """Wait until it holds; how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.03)
    return time.monotonic() - began


def pid_of_connection(port: int, server_port: int) -> int:
    """The process whose end of a connection to a server on the loopback has this port."""
    ends = [f"0100007F:{port:04X}", f"0100007F:{server_port:04X}"]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    [inode] = [words[9] for words in lines if words[1:3] == ends]
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if descriptor.readlink().name == f"socket:[{inode}]":
                return int(descriptor.parts[2])
    raise LookupError(f"nobody has the port {port}")


def _start(
    command: Sequence[str | Path], log: Path, stop: signal.Signals, user: str | None, where: dict[str, Any]
) -> subprocess.Popen[bytes]:
    who: dict[str, Any] = {"user": user, "group": _group(user), "extra_groups": []} if user else {}
    parent = os.getpid()
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C in the terminal is for the test run, which then stops us.
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent, stop),
            **who,
            **where,
        )


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _die_with(parent: int, stop: signal.Signals) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop))
    if os.getppid() != parent:
        os._exit(1)


def _stop(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    # A stopped process (SIGSTOP, in a test of faults) hears nothing until it is continued.
    for order in (signal.SIGCONT, stop):
        process.send_signal(order)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _obituary(process: subprocess.Popen[bytes], log: Path) -> str:
    name = Path(str(process.args[0] if isinstance(process.args, list) else process.args)).name
    fate = "does not answer" if process.poll() is None else f"ended with status {process.returncode}"
    return f"{name} {fate}; its last words:\n" + log.read_text(errors="replace")[-2000:]
