"""Logs: what must never be in one."""

import subprocess
import sys

import pytest

_PROGRAM = """
from project.config import Settings
from project.infrastructure import observability
observability.configure(Settings(app_env="development", log_format="{format}"))

def sign_in(password):
    raise RuntimeError("the store is away")

try:
    sign_in("canary-" + "in-a-variable")
except RuntimeError as error:
    observability.logger.error("request.unavailable", exc_info=error)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_traceback_in_the_log_shows_no_values(log_format: str) -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM.format(format=log_format)], capture_output=True, text=True)
    assert "the store is away" in run.stderr
    assert "sign_in" in run.stderr
    assert "canary-in-a-variable" not in run.stderr
