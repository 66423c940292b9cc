"""Judging a password takes a bounded time, whoever chose it."""

import time

from project.blueprints.auth.passwords import weakness

# What it would take without the bound: three seconds and up, with every other request waiting.
_BOUND_SECONDS = 2.0


def test_password_of_many_substitutes_is_judged_soon() -> None:
    began = time.process_time()
    weakness("4@8({[<369&#!1|/0$5+7%2" + "a" * 49, known=[])
    assert time.process_time() - began < _BOUND_SECONDS


def test_substitutes_make_a_common_word_no_stronger() -> None:
    assert weakness("p@$$w0rd1234", known=[]) is not None
