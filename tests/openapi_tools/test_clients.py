"""Clients generated from the OpenAPI document compile and work with a real server."""

from pathlib import Path

from tests.openapi_tools.commands import HERE, PYTHON_BIN, run_tool

STRICT = ("--noEmit", "--strict", "--module", "preserve", "--target", "es2022")


def test_program_that_uses_generated_typescript_types_compiles(document: Path, node: Path, tmp_path: Path) -> None:
    run_tool(node / "openapi-typescript", document, "--output", tmp_path / "document.ts", folder=tmp_path)
    (tmp_path / "node_modules").symlink_to(node.parent)
    (tmp_path / "flow.ts").write_text((HERE / "flow.ts").read_text())
    run_tool(node / "tsc", *STRICT, "flow.ts", folder=tmp_path)


def test_program_that_uses_generated_python_client_runs(document: Path, server: str, tmp_path: Path) -> None:
    generate = ("generate", "--path", document, "--meta", "none", "--output-path", tmp_path / "groundwork_client")
    config = ("--config", HERE / "openapi-python-client.yaml", "--fail-on-warning")
    run_tool(PYTHON_BIN / "openapi-python-client", *generate, *config, folder=tmp_path)
    run_tool(PYTHON_BIN / "python", HERE / "flow.py", server, folder=tmp_path, PYTHONPATH=str(tmp_path))
