"""`./bin/verify` passes on a correct instance. With a seeded fault, only the step that must detect it fails."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.kit.servers.ports import free_port
from tests.verify import instance as instance_module
from tests.verify.__main__ import main
from tests.verify.checks import Failed
from tests.verify.faults.changes import with_status
from tests.verify.faults.proxy import Fault, proxy
from tests.verify.faults.seeded import FAULTS
from tests.verify.flow import Step
from tests.verify.instance import Instance
from tests.verify.mailbox import FolderMailbox, wait_for_token
from tests.verify.steps import FLOW, PRIVATE_FLOW

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.verify"]
NEEDS_PROC = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="process environments can be read only on Linux"
)

# Replaces `./bin/run`: serves until SIGINT, then exits as the appended lines specify.
SERVER = """
import http.server, os, signal, subprocess, sys, time
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready)
try:
    server.serve_forever(0.02)
except KeyboardInterrupt:
    pass
"""
SLEEPER = "[sys.executable, '-c', 'import time; time.sleep(60)']"
# For each fault: the program, the time limit of the step, and part of the failure message.
PROCESS_FAULTS = {
    "start": {
        "exits immediately": ("import sys; sys.exit(3)", 30, "an exit with status 3"),
        "never ready": ("import time; time.sleep(60)", 3, "an instance that is ready within 3 s"),
    },
    "stop": {
        "exits with an error": (SERVER + "sys.exit(3)", 30, "expected 0, got 3"),
        "leaves a process": (SERVER + f"subprocess.Popen({SLEEPER})", 30, "time.sleep(60)"),
        "does not exit": (SERVER + "time.sleep(60)", 1, "an exit within 1 s"),
    },
}


@pytest.fixture(scope="session")
def deployment() -> Iterator[Instance]:
    """A correct instance, shared by the tests that alter only its responses."""
    instance = Instance(RATE_LIMIT_ENABLED="false")
    try:
        instance.start()
        yield instance
        instance.stop()
    except Failed as failure:
        pytest.fail(f"{failure}\n{instance.tail()}")
    finally:
        instance.clear(keep_log=False)


def seeded_faults() -> list[object]:
    """Return all seeded faults as pytest parameters."""
    return [
        pytest.param(step, fault, id=f"{step}: {fault.name}") for step, faults in FAULTS.items() for fault in faults
    ]


def required_steps(step: Step) -> set[Step]:
    return {step}.union(*map(required_steps, step.after))


def outcomes(record: Path) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in json.loads(record.read_text())["steps"]}


def failed_steps(record: Path) -> list[str]:
    return [name for name, outcome in outcomes(record).items() if outcome == "failed"]


def test_verify_passes_on_private_instance_and_leaves_no_files(tmp_path: Path) -> None:
    command = [*COMMAND, "--save", str(tmp_path / "run.json")]
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert set(outcomes(tmp_path / "run.json").values()) == {"passed"}
    assert "\x1b" not in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_every_step_has_a_seeded_fault() -> None:
    assert FAULTS.keys() | PROCESS_FAULTS.keys() == {step.name for step in PRIVATE_FLOW}


def test_each_step_runs_after_the_steps_that_it_requires() -> None:
    order = list(PRIVATE_FLOW)

    assert [
        step.name for step in order if any(order.index(required) > order.index(step) for required in step.after)
    ] == []


@pytest.mark.full
@pytest.mark.parametrize(("name", "fault"), seeded_faults())
def test_seeded_fault_is_detected_by_its_step(
    name: str,
    fault: Fault,
    deployment: Instance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    required = required_steps(next(step for step in FLOW if step.name == name))
    monkeypatch.setattr("tests.verify.__main__.FLOW", [step for step in FLOW if step in required])
    record = tmp_path / "run.json"
    with proxy(deployment.url, name, fault) as faulty:
        status = main([faulty.url, "--save", str(record), "--timeout", str(fault.timeout_seconds)])

    output = capsys.readouterr().out
    assert (status, failed_steps(record)) == (1, [name]), output
    assert f" ✗ {name}" in output
    assert ": expected " in output.partition(" ✗ ")[2].splitlines()[1]
    assert [secret for secret in faulty.secrets if secret in output + record.read_text()] == []


@pytest.mark.full
@pytest.mark.parametrize("name", FAULTS)
def test_seeded_fault_causes_no_other_step_to_fail(name: str, deployment: Instance, tmp_path: Path) -> None:
    fault, record = FAULTS[name][0], tmp_path / "run.json"
    with proxy(deployment.url, name, fault) as faulty:
        status = main([faulty.url, "--save", str(record), "--timeout", str(fault.timeout_seconds)])

    assert (status, failed_steps(record)) == (1, [name])


@pytest.mark.full
def test_deployment_can_be_verified_repeatedly(deployment: Instance) -> None:
    assert [main([deployment.url]), main([deployment.url])] == [0, 0]


@NEEDS_PROC
@pytest.mark.parametrize("name", PROCESS_FAULTS["stop"])
def test_stop_step_fails_if_instance_does_not_exit_cleanly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, seconds, message = PROCESS_FAULTS["stop"][name]
    monkeypatch.setattr(instance_module, "COMMAND", [sys.executable, "-c", program])
    monkeypatch.setattr(instance_module, "_STOP_SECONDS", seconds)
    instance = Instance()
    instance.start()

    try:
        with pytest.raises(Failed, match="stop") as failure:
            instance.stop()
    finally:
        instance.clear(keep_log=False)

    assert message in str(failure.value)
    assert instance.remaining_processes() == []


@NEEDS_PROC
def test_stop_step_fails_if_instance_has_already_exited(monkeypatch: pytest.MonkeyPatch) -> None:
    program = SERVER.replace("serve_forever(0.02)", "handle_request()")
    monkeypatch.setattr(instance_module, "COMMAND", [sys.executable, "-c", program])
    instance = Instance()
    instance.start()
    assert instance._process is not None
    instance._process.wait(10)

    with pytest.raises(Failed, match="got one that had exited with status 0"):
        instance.stop()

    instance.clear(keep_log=False)


@pytest.mark.parametrize("name", PROCESS_FAULTS["start"])
def test_start_step_fails_if_instance_does_not_become_ready(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, seconds, message = PROCESS_FAULTS["start"][name]
    monkeypatch.setattr(
        instance_module, "COMMAND", [sys.executable, "-c", f"print('last line', flush=True)\n{program}"]
    )
    monkeypatch.setattr(instance_module, "_START_SECONDS", seconds)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    record = tmp_path / "run.json"

    status = main(["--save", str(record)])

    output = capsys.readouterr().out
    assert (status, set(outcomes(record).values())) == (1, {"failed", "not run"})
    assert message in output
    assert "last line" in output
    assert [path.read_text() for path in tmp_path.glob("*/log")] == ["last line\n"]


def test_unreachable_deployment_is_reported_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([f"http://127.0.0.1:{free_port()}"])

    output = capsys.readouterr().out
    assert status == 1
    assert "GET /health/live: expected a response, got no connection" in output
    assert f"1 failed, {len(FLOW) - 1} not run" in output


@pytest.mark.full
def test_comparison_lists_regressions_first(
    deployment: Instance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = str(tmp_path / "run.json")
    main([deployment.url, "--save", record])
    with proxy(deployment.url, "members", Fault("internal error", with_status(500))) as faulty:
        capsys.readouterr()
        status = main([faulty.url, "--compare", record])

    comparison = capsys.readouterr().out.rpartition(" now\n")[2].splitlines()
    assert status == 1
    assert comparison[0].split()[:3] == ["✗", "members", "passed"]
    assert sum(line.startswith(" ✗") for line in comparison) == 1


@pytest.mark.parametrize("color", [True, False])
def test_terminal_output_has_a_spinner_and_is_colored_unless_no_color_is_set(color: bool) -> None:
    terminal, child_terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "" if color else "1"}
    command = [*COMMAND, f"http://127.0.0.1:{free_port()}"]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=child_terminal)

    output = os.read(terminal, 65536).decode()
    os.close(terminal)
    os.close(child_terminal)
    assert "\r\x1b[2K ⠋ alive" in output
    assert ("\x1b[31m✗" in output) is color


@pytest.mark.parametrize(
    "arguments",
    [["ftp://example.com"], ["--mailbox", "/no/such/folder"], ["--compare", "/no/such/file"], ["--save", "/no/such/a"]],
)
def test_invalid_argument_is_rejected_before_any_step_runs(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert capsys.readouterr().out == ""


def test_emails_can_be_read_from_a_folder(tmp_path: Path) -> None:
    for name, email, token in (("1", "a@example.com", "one"), ("2", "b@example.com", "two")):
        message = EmailMessage()
        message["To"] = email
        message.set_content(f"Join here:\nhttps://example.com/invitation#token={token}\n")
        (tmp_path / f"{name}.eml").write_bytes(message.as_bytes())

    assert wait_for_token(FolderMailbox(tmp_path), "a@example.com", timeout_seconds=0) == "one"
