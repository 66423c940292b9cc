"""`./bin/verify` is green on a sound instance, and red at the very step that a fault is planted for."""

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
from tests.verify.faults.changes import answer
from tests.verify.faults.proxy import Fault, proxy
from tests.verify.faults.seeded import FAULTS
from tests.verify.flow import Step
from tests.verify.instance import Instance
from tests.verify.mailbox import FolderMailbox, wait_for_token
from tests.verify.steps import FLOW, PRIVATE_FLOW

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.verify"]
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells whose a process is")

# Stands in for `./bin/run`: serves, and ends as its last lines say.
SERVES = """
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
PROCESS_FAULTS = {
    "start": {
        "ends at once": ("import sys; sys.exit(3)", "its end, with 3"),
        "never gets ready": ("import time; time.sleep(60)", "readiness within 1 s"),
    },
    "stop": {
        "ends badly": (SERVES + "sys.exit(3)", "expected 0, saw 3"),
        "leaves a process behind": (SERVES + f"subprocess.Popen({SLEEPER})", "time.sleep(60)"),
        "does not end": (SERVES + "time.sleep(60)", "the end within 1 s"),
    },
}


@pytest.fixture(scope="session")
def deployment() -> Iterator[Instance]:
    """A sound instance for all who only falsify its answers."""
    instance = Instance(RATE_LIMIT_ENABLED="false")
    try:
        instance.start()
        yield instance
        instance.stop()
    except Failed as failure:
        pytest.fail(f"{failure}\n{instance.tail()}")
    finally:
        instance.clear(keep_log=False)


def planted() -> list[object]:
    """Each fault of each step; with the first one each step is shown red also without --full."""
    return [
        pytest.param(step, fault, id=f"{step}: {fault.name}", marks=[pytest.mark.full] if number else [])
        for step, faults in FAULTS.items()
        for number, fault in enumerate(faults)
    ]


def needed_for(step: Step) -> set[Step]:
    return {step}.union(*map(needed_for, step.after))


def outcomes(record: Path) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in json.loads(record.read_text())["steps"]}


def failed(record: Path) -> list[str]:
    return [name for name, outcome in outcomes(record).items() if outcome == "failed"]


def test_a_private_instance_passes_and_nothing_of_it_stays(tmp_path: Path) -> None:
    command = [*COMMAND, "--save", str(tmp_path / "run.json")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert set(outcomes(tmp_path / "run.json").values()) == {"passed"}
    assert "\x1b" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_every_step_has_a_planted_fault() -> None:
    assert FAULTS.keys() | PROCESS_FAULTS.keys() == {step.name for step in PRIVATE_FLOW}


def test_steps_come_after_what_they_need() -> None:
    order = list(PRIVATE_FLOW)

    assert [step.name for step in order if any(order.index(needed) > order.index(step) for needed in step.after)] == []


@pytest.mark.parametrize(("name", "fault"), planted())
def test_a_planted_fault_turns_its_step_red(
    name: str,
    fault: Fault,
    deployment: Instance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    needed = needed_for(next(step for step in FLOW if step.name == name))
    monkeypatch.setattr("tests.verify.__main__.FLOW", [step for step in FLOW if step in needed])
    record = tmp_path / "run.json"
    with proxy(deployment.url, name, fault) as stand_in:
        status = main([stand_in.url, "--save", str(record), "--patience", str(fault.patience_seconds)])

    shown = capsys.readouterr().out
    assert (status, failed(record)) == (1, [name]), shown
    assert f" ✗ {name}" in shown
    assert ": expected " in shown.partition(" ✗ ")[2].splitlines()[1]
    assert [secret for secret in stand_in.secrets if secret in shown + record.read_text()] == []


@pytest.mark.full
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_turns_no_other_step_red(name: str, deployment: Instance, tmp_path: Path) -> None:
    fault, record = FAULTS[name][0], tmp_path / "run.json"
    with proxy(deployment.url, name, fault) as stand_in:
        status = main([stand_in.url, "--save", str(record), "--patience", str(fault.patience_seconds)])

    assert (status, failed(record)) == (1, [name])


def test_a_long_lived_deployment_can_be_verified_again(deployment: Instance) -> None:
    assert [main([deployment.url]), main([deployment.url])] == [0, 0]


@NEEDS_PROC
@pytest.mark.parametrize("name", PROCESS_FAULTS["stop"])
def test_an_instance_that_ends_badly_turns_stop_red(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, seen = PROCESS_FAULTS["stop"][name]
    monkeypatch.setattr(instance_module, "COMMAND", [sys.executable, "-c", program])
    monkeypatch.setattr(instance_module, "_STOP_SECONDS", 1)
    instance = Instance()
    instance.start()

    try:
        with pytest.raises(Failed, match="stop") as failure:
            instance.stop()
    finally:
        instance.clear(keep_log=False)

    assert seen in str(failure.value)
    assert instance.left_behind() == []


@NEEDS_PROC
def test_an_instance_that_went_away_by_itself_turns_stop_red(monkeypatch: pytest.MonkeyPatch) -> None:
    program = SERVES.replace("serve_forever(0.02)", "handle_request()")
    monkeypatch.setattr(instance_module, "COMMAND", [sys.executable, "-c", program])
    instance = Instance()
    instance.start()
    assert instance._process is not None
    instance._process.wait(10)

    with pytest.raises(Failed, match="saw that it had ended, with 0"):
        instance.stop()

    instance.clear(keep_log=False)


@pytest.mark.parametrize("name", PROCESS_FAULTS["start"])
def test_an_instance_that_does_not_start_turns_start_red(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, seen = PROCESS_FAULTS["start"][name]
    monkeypatch.setattr(
        instance_module, "COMMAND", [sys.executable, "-c", f"print('last words', flush=True)\n{program}"]
    )
    monkeypatch.setattr(instance_module, "_START_SECONDS", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    record = tmp_path / "run.json"

    status = main(["--save", str(record)])

    shown = capsys.readouterr().out
    assert (status, set(outcomes(record).values())) == (1, {"failed", "not run"})
    assert seen in shown
    assert "last words" in shown
    assert [path.read_text() for path in tmp_path.glob("*/log")] == ["last words\n"]


def test_nobody_there_is_a_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([f"http://127.0.0.1:{free_port()}"])

    shown = capsys.readouterr().out
    assert status == 1
    assert "GET /health/live: expected an answer, saw no connection" in shown
    assert f"1 failed, {len(FLOW) - 1} not run" in shown


def test_a_step_that_passed_before_shows_in_the_comparison(
    deployment: Instance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = str(tmp_path / "run.json")
    main([deployment.url, "--save", record])
    with proxy(deployment.url, "members", Fault("gone", answer(500))) as stand_in:
        capsys.readouterr()
        status = main([stand_in.url, "--compare", record])

    comparison = capsys.readouterr().out.rpartition(" now\n")[2].splitlines()
    assert status == 1
    assert comparison[0].split()[:3] == ["✗", "members", "passed"]
    assert sum(line.startswith(" ✗") for line in comparison) == 1


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_terminal_the_table_is_drawn_in_place(colour: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "" if colour else "1"}
    command = [*COMMAND, f"http://127.0.0.1:{free_port()}"]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=theirs)

    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert "\r\x1b[2K ⠋ alive" in shown
    assert ("\x1b[31m✗" in shown) is colour


@pytest.mark.parametrize(
    "words",
    [["ftp://example.com"], ["--mailbox", "/no/such/folder"], ["--compare", "/no/such/file"], ["--save", "/no/such/a"]],
)
def test_a_senseless_argument_is_refused_before_anything_runs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)

    assert capsys.readouterr().out == ""


def test_mail_can_be_read_from_a_folder(tmp_path: Path) -> None:
    for name, address, token in (("1", "a@example.com", "one"), ("2", "b@example.com", "two")):
        mail = EmailMessage()
        mail["To"] = address
        mail.set_content(f"Join here:\nhttps://example.com/invitation#token={token}\n")
        (tmp_path / f"{name}.eml").write_bytes(mail.as_bytes())

    assert wait_for_token(FolderMailbox(tmp_path), "a@example.com", patience_seconds=0) == "one"
