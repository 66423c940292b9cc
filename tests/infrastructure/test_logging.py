"""Any value can be logged, and logged tracebacks do not contain the values of local variables."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from project.config import Settings
from project.infrastructure import logging

_PROGRAM = """
from project.config import Settings
from project.infrastructure import logging
logging.configure(Settings(app_env="development", log_format="{format}"))

def log_in(password):
    raise RuntimeError("the storage is down")

try:
    log_in("canary-" + "in-a-variable")
except RuntimeError as error:
    logging.logger.error("request.unavailable", exc_info=error)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_logged_traceback_contains_no_variable_values(log_format: str) -> None:
    result = subprocess.run([sys.executable, "-c", _PROGRAM.format(format=log_format)], capture_output=True, text=True)
    assert "the storage is down" in result.stderr
    assert "log_in" in result.stderr
    assert "canary-in-a-variable" not in result.stderr


@pytest.mark.parametrize(
    "value", ["Ada \u2028 \x9b é", "\ud800", 2**70, {1: "x"}, float("nan"), Path("x"), b"x"], ids=ascii
)
def test_any_value_can_be_logged_as_json(capsys: pytest.CaptureFixture[str], value: Any) -> None:
    logging.configure(Settings(app_env="development", log_format="json"))
    logging.logger.info("event", value=value)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line).keys() >= {"event", "value", "level", "timestamp"}
