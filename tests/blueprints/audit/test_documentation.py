"""docs/administration.md lists all actions that the services record."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def recorded_actions() -> set[str]:
    """Return the string literals of the form `<blueprint>.<verb>` in all modules that record actions."""
    sources = [file.read_text() for file in ROOT.glob("project/blueprints/**/*.py")]
    nodes = [node for source in sources if "audit.record(" in source for node in ast.walk(ast.parse(source))]
    texts = [str(node.value) for node in nodes if isinstance(node, ast.Constant)]
    return {text for text in texts if re.fullmatch(r"[a-z_]+\.[a-z_]+", text)}


def test_documentation_lists_every_recorded_action() -> None:
    page = (ROOT / "docs/administration.md").read_text()
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", page, re.MULTILINE)) == recorded_actions()
