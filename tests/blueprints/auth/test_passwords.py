"""Judging a password takes a bounded time, whoever chose it."""

import time

from project.blueprints.auth.passwords import weakness

# What it would take without the bound: two seconds and up, while every other request waits.
_BOUND_SECONDS = 0.7


def test_password_of_many_substitutes_is_judged_soon() -> None:
    began = time.process_time()
    weakness("4@8({[<369&#!1|/0$5+7%2" + "a" * 49, known=[])
    assert time.process_time() - began < _BOUND_SECONDS


def test_substitutes_make_a_common_word_no_stronger() -> None:
    assert weakness("p@$$w0rd1234", known=[]) is not None
