"""Password strength: the check takes bounded time and recognizes character substitutions."""

import time

from project.blueprints.auth.passwords import weakness

# Without a limit on its input, the check would take at least two seconds and block all other requests.
_MAX_SECONDS = 0.7


def test_password_with_many_substitutions_is_checked_quickly() -> None:
    started = time.process_time()
    weakness("4@8({[<369&#!1|/0$5+7%2" + "a" * 49, known=[])
    assert time.process_time() - started < _MAX_SECONDS


def test_common_word_with_character_substitutions_is_weak() -> None:
    assert weakness("p@$$w0rd1234", known=[]) is not None
