"""The check for rate limits finds calls in functions that are hard to see, and only those."""

from typing import Any

import pytest

from project.blueprints.auth import passwords
from project.blueprints.files import service as files
from project.infrastructure import mail
from tests.conformance import hidden_calls
from tests.conformance.checks.limits import called_abusable

FUNCTIONS = {name: function for name, function in vars(hidden_calls).items() if name.startswith(("verify_", "send_"))}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hidden_call_is_found(name: str) -> None:
    called: Any = passwords.matches if name.startswith("verify_") else mail.current_mailer
    assert called in called_abusable(FUNCTIONS[name])


def test_functions_that_are_not_called_are_not_found() -> None:
    assert called_abusable(files.list_files) == set()
