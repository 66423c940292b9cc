"""Checking the strength of a password takes bounded time."""

import time

from project.blueprints.auth.passwords import weakness

# Without the bound on its input, the check takes at least two seconds, and all other requests wait for it.
_MAX_SECONDS = 0.7


def test_password_with_many_substitutes_is_checked_quickly() -> None:
    started = time.process_time()
    weakness("4@8({[<369&#!1|/0$5+7%2" + "a" * 49, known=[])
    assert time.process_time() - started < _MAX_SECONDS


def test_common_word_with_substitutes_is_weak() -> None:
    assert weakness("p@$$w0rd1234", known=[]) is not None
