"""Server processes that are stopped by process id and do not outlive the process that started them."""

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
# Loaded at import time, because importing between fork and exec is not safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServiceUnavailable(RuntimeError):
    """A service is missing or cannot be started on this machine. The message says which, and why."""


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
    """Run `command` until the `with` block exits, with its output in `log`. `stop` is the signal that stops it.

    The kernel also sends `stop` when the thread that started the process ends, so start services from the main thread.
    """
    process = _start(command, log, stop, user, {"cwd": cwd, "env": env})
    try:
        yield process
    finally:
        _stop(process, stop)


def wait_until(ready: Callable[[], object], process: subprocess.Popen[bytes], *, log: Path, seconds: float) -> None:
    """Call `ready` until it raises no error. Raises ServiceUnavailable after `seconds`, or if the process ends."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ready()
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceUnavailable(_failure_message(process, log)) from error
            time.sleep(0.03)
        else:
            return


def eventually(condition: Callable[[], object], seconds: float = 60) -> float:
    """Wait until `condition()` is true; fail after `seconds`. Return the number of seconds that it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"the condition was not met within {seconds} s"
        time.sleep(0.03)
    return time.monotonic() - started


def pid_of_connection(port: int, server_port: int) -> int:
    """Return the id of the process that has a loopback connection from `port` to `server_port`."""
    # An earlier connection between the same ports may still be in TIME_WAIT.
    established = [f"0100007F:{port:04X}", f"0100007F:{server_port:04X}", "01"]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    # A line may appear twice, because connections open and close while the file is read.
    [inode] = {words[9] for words in lines if words[1:4] == established}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if descriptor.readlink().name == f"socket:[{inode}]":
                return int(descriptor.parts[2])
    raise LookupError(f"no process has a connection from port {port}")


def _start(
    command: Sequence[str | Path], log: Path, stop: signal.Signals, user: str | None, options: dict[str, Any]
) -> subprocess.Popen[bytes]:
    identity: dict[str, Any] = {"user": user, "group": _group(user), "extra_groups": []} if user else {}
    parent = os.getpid()
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Use a separate session, so that Ctrl-C reaches only the test run, which then stops the server.
            start_new_session=True,
            preexec_fn=lambda: _end_with_parent(parent, stop),
            **identity,
            **options,
        )


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _end_with_parent(parent: int, stop: signal.Signals) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop))
    # The parent may have ended before prctl took effect.
    if os.getppid() != parent:
        os._exit(1)


def _stop(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    # A process that a fault test stopped with SIGSTOP does not handle signals until it is continued.
    for signal_number in (signal.SIGCONT, stop):
        process.send_signal(signal_number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure_message(process: subprocess.Popen[bytes], log: Path) -> str:
    name = Path(str(process.args[0] if isinstance(process.args, list) else process.args)).name
    state = "does not respond" if process.poll() is None else f"ended with status {process.returncode}"
    return f"{name} {state}; end of its log:\n" + log.read_text(errors="replace")[-2000:]
