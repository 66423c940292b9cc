"""Texts use standard terms. STANDARD_TERMS lists the words to avoid and what to write instead."""

import ast
import json
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
STANDARD_TERMS = {
    r"answer(s|ed|ing)?": "response, return",
    r"refus(e|es|ed|ing|als?)": "reject, raise, error, problem",
    r"(who|what)ever|(no|some|any)body": "the client, the caller, an admin: name the actor",
    r"excus(e|es|ed)": "exempt, exemption",
    r"judg(e|es|ed|ing)": "check, validate, authorize",
    r"hand(s|ed|ing)? (over|out)": "publish (a job), issue (a token)",
    r"put(s|ting)? off": "reschedule, delay",
    r"g(i|a)v(e|es|en|ing) back": "release, return to the queue",
    r"lapsed?": "expired",
    r"strangers?": "non-member, another user",
    r"twins?": "concurrent duplicate",
    r"sweeps?": "purge, expire, republish, clean up",
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again",
    r"meanwhile": "concurrently, in the meantime",
    r"of (its|their|our|his|her|your|my) own": "its own, separate",
    r"(is|are|was|were) away": "is unavailable, is down",
    r"embedded (parts?|defaults?|broker|backends?)": "local backends, filesystem broker",
    r"front doors?": "home page",
    r"planted": "seeded",
    r"walls": "import contracts, module boundaries",
    r"things?": "resource, row, file: name it",
    r"e-mails?": "email",
    r"sign(s|ed|ing)? (in|out)|signed-in": "log in, log out",
    r"(behaviou|neighbou|colou|favou|honou)r\w*|catalogue\w*|licence\w*": "American spelling",
    r"(normal|serial|organ|recogn|author|initial|synchron|summar|optim)is(e|es|ed|ing|ation)": "American spelling",
}
_ALTERNATIVES = "|".join(f"(?P<t{n}>{term})" for n, term in enumerate(STANDARD_TERMS))
_WORDS = re.compile(rf"\b(?:{_ALTERNATIVES})\b", re.IGNORECASE)


def texts_in_python(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the comments, docstrings and names in a file, and all other strings in product code, with line numbers."""
    source = file.read_text()
    # Parsing is slow, and few files contain any of the words.
    if not _WORDS.search(f"{source}\n{_split_names(source)}"):
        return
    is_product = file.relative_to(ROOT).parts[0] in ("project", "worker")
    tokens = ("COMMENT", "STRING", "FSTRING_MIDDLE") if is_product else ("COMMENT",)
    with file.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if tokenize.tok_name[token.type] in tokens:
                yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, _split_names(node.name)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and not is_product:
            yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def _split_names(text: str) -> str:
    """Return `text` with spaces between the words of each name."""
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ")


def texts_in_document(value: object) -> Iterator[str]:
    """Yield every string in a JSON document."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts_in_document(item)
    if isinstance(value, str):
        yield value


def findings(files: list[Path]) -> Iterator[str]:
    """Yield a message for each word that a standard term should replace."""
    for file in files:
        if file == Path(__file__):
            continue
        if file.suffix == ".py":
            texts = texts_in_python(file)
        elif file.suffix == ".json":
            texts = ((1, text) for text in texts_in_document(json.loads(file.read_text())))
        else:
            texts = iter(enumerate(file.read_text().splitlines(), 1))
        for line, text in texts:
            for match in _WORDS.finditer(text):
                term = list(STANDARD_TERMS.values())[int(str(match.lastgroup)[1:])]
                yield f"{file.relative_to(ROOT)}:{line}: {match[0]!r}; standard terms: {term}"


def test_texts_use_standard_terms() -> None:
    # The changelog quotes names that have been replaced.
    patterns = ["*.py", "*.md", "*.html", "*.js", "docs/openapi.json", ":!CHANGELOG.md"]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    # Report sources first: some of the documents are generated from them.
    sources_first = sorted(names, key=lambda name: (name.startswith("docs/"), name))
    found = list(findings([file for name in sources_first if (file := ROOT / name).exists()]))
    assert not found, "\n".join(found)
