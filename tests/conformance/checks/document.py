"""The OpenAPI document: each operation's name, summary, schemas, examples and problems."""

import re
from collections.abc import Iterator
from typing import Any

from project.http.responses import problems
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import World
from tests.kit.clients.response_checker import PROBLEM, checker_for


@check()
def operations_have_a_unique_id_and_a_tag(operation: Operation, world: World) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.name), (
        "the name of the view must have the form <verb>_<noun>, in lowercase letters"
    )
    names = [other.name for other in world.operations]
    assert names.count(operation.name) == 1, "the name of the view is the operation id and must be unique"
    assert operation.described["tags"], "the operation must have a tag"


@check()
def operations_have_a_summary_and_a_description(operation: Operation, world: World) -> None:
    summary = operation.described["summary"]
    assert 3 < len(summary) <= 80, "the first line of the view's docstring must have 4 to 80 characters"
    assert summary[0].isupper(), "the summary must begin with a capital letter"
    assert summary.endswith("."), "the summary must end with a period"
    assert operation.described["description"], "the operation must have a description"


@check()
def problem_codes_match_their_status(operation: Operation, world: World) -> None:
    catalog = problems.catalog()
    for status, response in operation.described["responses"].items():
        if status >= "4":
            codes = response["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["code"]["enum"]
            assert {problems.status_of(catalog[code]) for code in codes} == {int(status)}
            assert list(response["content"]) == [PROBLEM], f"{status} responses must be documented as {PROBLEM} only"


@check()
def text_numbers_and_lists_are_bounded(operation: Operation, world: World) -> None:
    unbounded = [where for where, schema in _schemas(operation) if not _is_bounded(schema)]
    assert unbounded == [], (
        f"{unbounded} have no bounds: use the field types in project/http/fields.py, or declare bounds"
    )


@check()
def responses_have_a_closed_schema(operation: Operation, world: World) -> None:
    schemas = dict(operation.response_schemas())
    open_schemas = [status for status, schema in schemas.items() if schema.get("additionalProperties") is not False]
    assert bool(open_schemas) == ("schema" in operation.rule.exempt), (
        f"{open_schemas}: give the response a schema, or declare exempt={{'schema': '<reason>'}}"
    )


@check()
def examples_match_their_schema(operation: Operation, world: World) -> None:
    bodies = [operation.described.get("requestBody", {}), *operation.described["responses"].values()]
    for body in bodies:
        content = body.get("content", {}).get("application/json")
        if content is not None:
            assert checker_for(world.app).schema_errors(content["schema"], content["example"]) == []


@check()
def exemptions_are_needed_and_have_reasons(operation: Operation, world: World) -> None:
    for part, reason in operation.rule.exempt.items():
        assert 4 <= len(reason) <= 60, f"{part}: the reason must have 4 to 60 characters, such as 'not versioned'"
        assert _applies(operation, part), (
            f"{part}: remove the exemption, because the rule does not apply to this operation"
        )


def _applies(operation: Operation, part: str) -> bool:
    return {
        "access": operation.is_public,
        "idempotency": operation.method == "POST",
        "etag": operation.method == "GET" and operation.rule.json and not operation.is_listing,
        "if-match": operation.method in ("PUT", "PATCH", "DELETE"),
        "removal": operation.method == "DELETE",
        "pagination": operation.method == "GET" and not operation.is_listing,
        "schema": operation.rule.json,
    }[part]


def _schemas(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each schema of the operation, including nested schemas, together with its location."""
    for parameter in operation.parameters:
        yield from _walk(operation, parameter["name"], parameter["schema"])
    if operation.body_schema is not None:
        yield from _walk(operation, "body", operation.body_schema)
    for status, schema in operation.response_schemas():
        yield from _walk(operation, status, schema)


def _walk(operation: Operation, where: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = operation.resolved(schema)
    yield where, schema
    for name, member in schema.get("properties", {}).items():
        yield from _walk(operation, f"{where}/{name}", member)
    if "items" in schema:
        yield from _walk(operation, f"{where}/items", schema["items"])


def _is_bounded(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", [])
    text = "string" not in kinds or "maxLength" in schema or "enum" in schema or schema.get("format") == "binary"
    number = "integer" not in kinds or {"minimum", "maximum"} <= set(schema)
    return text and number and ("array" not in kinds or "maxItems" in schema)
