"""docs/settings.md matches the settings."""

from project.cli.config import SETTINGS, settings_table


def test_committed_table_matches_the_settings() -> None:
    assert SETTINGS.read_text() == settings_table(), "run: ./bin/flask config write"
