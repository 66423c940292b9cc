"""docs/settings.md matches the settings."""

from project.cli.config import SETTINGS, settings_table


def test_committed_settings_table_is_current() -> None:
    assert SETTINGS.read_text() == settings_table(), "run: ./bin/flask config write"
