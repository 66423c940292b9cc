"""The hooks of the platform: how each is taken out, which operations it serves, and the checks that must notice."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from project.errors import Error
from project.http.middleware import idempotency
from project.http.requests import json_body, pagination
from project.http.responses import etags
from project.server.body_stream import CompleteBody
from tests.conformance.operation import Operation

Removal = Callable[[Flask, pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Hook:
    """`remove` takes it out of an application; one of `checks` must then fail for each operation that it `serves`."""

    remove: Removal
    checks: tuple[str, ...]
    serves: Callable[[Operation], bool] = lambda operation: True


def registered(app: Flask) -> list[str]:
    """The functions that see every request or answer, by module and name."""
    functions = [*app.before_request_funcs[None], *app.after_request_funcs[None]]
    return [_name(function) for function in functions]


def _name(function: Any) -> str:
    function = function.func if isinstance(function, partial) else function
    return f"{function.__module__.rpartition('.')[2]}.{function.__qualname__.rpartition('.')[2]}"


def _without_function(name: str) -> Removal:
    def remove(app: Flask, _patch: pytest.MonkeyPatch) -> None:
        for functions in (app.before_request_funcs[None], app.after_request_funcs[None]):
            functions[:] = [function for function in functions if _name(function) != name]

    return remove


def _without_handler(kind: type[Exception]) -> Removal:
    def remove(app: Flask, _patch: pytest.MonkeyPatch) -> None:
        del app.error_handler_spec[None][None][kind]

    return remove


def _instead(owner: object, name: str, stand_in: Any) -> Removal:
    """Replaces a function wherever it was imported by its name."""

    def remove(_app: Flask, patch: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)
        patch.setattr(owner, name, stand_in)
        for module in [module for key, module in sys.modules.items() if key.startswith("project.")]:
            if getattr(module, name, None) is original:
                patch.setattr(module, name, stand_in)

    return remove


def _without_whole_body(app: Flask, patch: pytest.MonkeyPatch) -> None:
    assert isinstance(app.wsgi_app, CompleteBody)
    patch.setattr(app, "wsgi_app", app.wsgi_app._application)


def _takes_json(operation: Operation) -> bool:
    return operation.body_schema is not None


HOOKS = {
    "request_id._begin": Hook(_without_function("request_id._begin"), ("keeps_the_request_id",)),
    "request_id._end": Hook(_without_function("request_id._end"), ("keeps_the_request_id",)),
    "trace_context.bind": Hook(_without_function("trace_context.bind"), ("is_logged_once_with_its_trace",)),
    "trusted_hosts.ensure_trusted": Hook(
        _without_function("trusted_hosts.ensure_trusted"),
        ("does_not_answer_for_other_hosts",),
        lambda operation: not operation.rule.any_host,
    ),
    "identity._judge": Hook(
        _without_function("identity._judge"),
        ("nobody_gets_in_without_a_token",),
        lambda operation: not operation.is_public,
    ),
    "rate_limits._judge": Hook(
        _without_function("rate_limits._judge"),
        ("tells_what_is_left_of_its_limits",),
        lambda operation: bool(operation.rule.limits),
    ),
    "rate_limits._tell": Hook(
        _without_function("rate_limits._tell"),
        ("tells_what_is_left_of_its_limits",),
        lambda operation: bool(operation.rule.limits),
    ),
    "json_body.ensure_acceptable": Hook(
        _without_function("json_body.ensure_acceptable"),
        ("refuses_who_rules_out_json", "unknown_parameters_are_refused"),
        lambda operation: operation.rule.json or not operation.rule.takes_query,
    ),
    "security_headers.add": Hook(_without_function("security_headers.add"), ("every_answer_carries_the_headers",)),
    "deprecation._add": Hook(
        _without_function("deprecation._add"),
        ("says_that_it_ends",),
        lambda operation: operation.rule.deprecation is not None,
    ),
    "problems of our own": Hook(
        _without_handler(Error), ("does_not_answer_for_other_hosts", "unknown_parameters_are_refused")
    ),
    "problems of Flask's": Hook(_without_handler(HTTPException), ("names_the_methods_that_there_are",)),
    "whole bodies": Hook(
        _without_whole_body,
        ("bodies_that_are_cut_off_are_malformed",),
        _takes_json,
    ),
    "strict JSON": Hook(
        _instead(
            json_body.StrictParser, "load_json", lambda _parser, request, _schema: request.get_json(silent=True) or {}
        ),
        ("unreadable_bodies_are_malformed",),
        _takes_json,
    ),
    "parameters given once": Hook(
        _instead(json_body.StrictParser, "load_querystring", lambda _parser, request, _schema: request.args.to_dict()),
        ("parameters_are_given_once",),
        lambda operation: bool(operation.query),
    ),
    "idempotency": Hook(
        _instead(idempotency, "dispatch", lambda view: view()),
        ("repeats_its_answer_and_not_its_effect", "bad_keys_are_refused"),
        lambda operation: operation.is_keyed,
    ),
    "signed cursors": Hook(
        _instead(pagination, "_signed", lambda _after: b""),
        ("cursor_is_good_for_its_caller_and_listing_only",),
        lambda operation: operation.is_listing,
    ),
    "tags": Hook(
        _instead(etags, "_add_tag", lambda _response: None),
        ("has_a_tag_that_spares_what_is_known",),
        lambda operation: operation.is_versioned and operation.method == "GET",
    ),
    "If-Match": Hook(
        _instead(etags, "expected_versions", lambda: None),
        ("changes_only_the_version_that_was_read",),
        lambda operation: operation.is_conditional,
    ),
}
