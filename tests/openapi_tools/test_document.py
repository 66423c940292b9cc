"""Linters that were written elsewhere have nothing against the OpenAPI document.

What they are not asked is in `.spectral.yaml` and `redocly.yaml`, each with its reason.
"""

from pathlib import Path

from tests.openapi_tools.commands import HERE, verdict


def test_spectral_and_its_owasp_rules_are_content(document: Path, node: Path, tmp_path: Path) -> None:
    rules = HERE / ".spectral.yaml"
    verdict(node / "spectral", "lint", document, "--ruleset", rules, "--fail-severity", "warn", folder=tmp_path)


def test_redocly_is_content(document: Path, node: Path, tmp_path: Path) -> None:
    verdict(node / "redocly", "lint", document, "--config", HERE / "redocly.yaml", folder=tmp_path)
