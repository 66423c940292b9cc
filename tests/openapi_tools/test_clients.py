"""Clients generated from the OpenAPI document compile and work with a real server. docs/clients.md uses one."""

import re
from pathlib import Path

from tests.openapi_tools.commands import HERE, PYTHON_BIN, run_tool

ROOT = Path(__file__).parents[2]
[EXAMPLE] = re.findall(r"```ts\n(.*?)```", (ROOT / "docs" / "clients.md").read_text(), re.DOTALL)
STRICT = ("--strict", "--module", "preserve", "--target", "es2022")


def test_programs_that_use_generated_typescript_types_compile(document: Path, node: Path, tmp_path: Path) -> None:
    write_types(document, node, tmp_path)
    (tmp_path / "flow.ts").write_text((HERE / "flow.ts").read_text())
    (tmp_path / "client.ts").write_text(EXAMPLE)
    run_tool(node / "tsc", "--noEmit", *STRICT, "flow.ts", "client.ts", folder=tmp_path)


def write_types(document: Path, node: Path, folder: Path) -> None:
    """Write the generated types to `document.ts` in `folder`, and make the Node.js packages available there."""
    run_tool(node / "openapi-typescript", document, "--output", folder / "document.ts", folder=folder)
    (folder / "node_modules").symlink_to(node.parent)


def test_program_that_uses_generated_python_client_runs(document: Path, server: str, tmp_path: Path) -> None:
    generate = ("generate", "--path", document, "--meta", "none", "--output-path", tmp_path / "groundwork_client")
    config = ("--config", HERE / "openapi-python-client.yaml", "--fail-on-warning")
    run_tool(PYTHON_BIN / "openapi-python-client", *generate, *config, folder=tmp_path)
    run_tool(PYTHON_BIN / "python", HERE / "flow.py", server, folder=tmp_path, PYTHONPATH=str(tmp_path))
