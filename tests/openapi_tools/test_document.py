"""Third-party linters report no problems in the OpenAPI document.

`.spectral.yaml` lists the disabled rules with reasons. `redocly.yaml` disables no rules.
"""

from pathlib import Path

from tests.openapi_tools.commands import HERE, run_tool


def test_spectral_with_owasp_rules_reports_no_problems(document: Path, node: Path, tmp_path: Path) -> None:
    rules = HERE / ".spectral.yaml"
    run_tool(node / "spectral", "lint", document, "--ruleset", rules, "--fail-severity", "warn", folder=tmp_path)


def test_redocly_reports_no_problems(document: Path, node: Path, tmp_path: Path) -> None:
    run_tool(node / "redocly", "lint", document, "--config", HERE / "redocly.yaml", folder=tmp_path)
