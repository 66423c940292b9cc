"""What the document says of it."""

import re
from collections.abc import Iterator
from typing import Any

from project.http.responses import problems
from tests.conformance.check import check
from tests.conformance.operation import Operation
from tests.conformance.world import World
from tests.kit.clients.response_checker import PROBLEM, judge_of


@check()
def is_named_by_verb_and_noun(operation: Operation, world: World) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation.name)
    assert [one.name for one in world.operations].count(operation.name) == 1
    assert operation.described["tags"]


@check()
def is_summed_up_in_a_sentence(operation: Operation, world: World) -> None:
    summary = operation.described["summary"]
    assert 3 < len(summary) <= 80
    assert summary[0].isupper()
    assert summary.endswith(".")
    assert operation.described["description"]


@check()
def problems_are_those_of_the_catalogue(operation: Operation, world: World) -> None:
    catalogue = problems.catalog()
    for status, answer in operation.described["responses"].items():
        if status >= "4":
            codes = answer["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["code"]["enum"]
            assert {problems.status_of(catalogue[code]) for code in codes} == {int(status)}
            assert list(answer["content"]) == [PROBLEM]


@check()
def every_text_and_list_is_bounded(operation: Operation, world: World) -> None:
    unbounded = [where for where, schema in _parts(operation) if not _is_bounded(schema)]
    assert unbounded == []


@check()
def answers_have_a_shape(operation: Operation, world: World) -> None:
    schemas = dict(operation.answer_schemas())
    shapeless = [status for status, schema in schemas.items() if schema.get("additionalProperties") is not False]
    assert bool(shapeless) == ("schema" in operation.rule.exempt), f"{shapeless}: give the answer a schema"


@check()
def examples_are_examples(operation: Operation, world: World) -> None:
    bodies = [operation.described.get("requestBody", {}), *operation.described["responses"].values()]
    for body in bodies:
        content = body.get("content", {}).get("application/json")
        if content is not None:
            assert judge_of(world.app).faults(content["schema"], content["example"]) == []


@check()
def exemptions_are_needed_and_have_reasons(operation: Operation, world: World) -> None:
    for part, reason in operation.rule.exempt.items():
        assert 4 <= len(reason) <= 60, f"{part}: give the reason in a few words, such as 'not versioned'"
        assert _applies(operation, part), f"{part}: the operation needs no exemption from this"


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


def _parts(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for parameter in operation.parameters:
        yield from _walk(operation, parameter["name"], parameter["schema"])
    if operation.body_schema is not None:
        yield from _walk(operation, "body", operation.body_schema)
    for status, schema in operation.answer_schemas():
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
