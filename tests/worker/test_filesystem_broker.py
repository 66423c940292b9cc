"""The filesystem broker with several concurrent readers and writers."""

import subprocess
import sys
from pathlib import Path

_MESSAGES = 300
_PROGRAM = """
import sys
from pathlib import Path
from queue import Empty
from uuid import uuid4
from project.config import Settings
from worker.broker import CeleryBroker, make_celery

settings = Settings(app_env="development", data_dir=Path(sys.argv[1]))
if sys.argv[2] == "write":
    broker = CeleryBroker(settings)
    for _ in range({messages}):
        broker.publish("x", uuid4())
else:
    channel = make_celery(settings).connection().channel()
    received = 0
    while received < {messages}:
        try:
            received += bool(channel._get("worker"))
        except Empty:
            pass
"""


def test_concurrent_readers_receive_complete_messages(tmp_path: Path) -> None:
    program = _PROGRAM.format(messages=_MESSAGES)
    command = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen([*command, role]) for role in ("read", "write", "read", "write")]
    try:
        assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    finally:
        # A reader that misses a message would wait for it forever.
        for process in processes:
            process.kill()
            process.wait()
