"""The table of settings."""

from pathlib import Path

from project.cli.config import settings_table


def test_table_in_the_documentation_is_in_step_with_the_settings() -> None:
    written = Path(__file__).parents[2] / "docs" / "settings.md"
    assert written.read_text() == settings_table(), "run: flask --app wsgi config table > docs/settings.md"
