"""The platform's hooks: how to remove each hook, which operations it serves, and which checks must fail without it."""

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
from project.infrastructure import audit
from project.server.body_stream import CompleteBody
from tests.conformance.checks.audit import is_audited, requires_a_role
from tests.conformance.operation import Operation

Removal = Callable[[Flask, pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Hook:
    """A removable hook. Once `remove` has run, at least one of `checks` must fail for each operation it `serves`."""

    remove: Removal
    checks: tuple[str, ...]
    serves: Callable[[Operation], bool] = lambda operation: True


def registered(app: Flask) -> list[str]:
    """Return the functions that run before or after every request, as `module.function`."""
    functions = [*app.before_request_funcs[None], *app.after_request_funcs[None]]
    return [_name(function) for function in functions]


def _name(function: Any) -> str:
    function = function.func if isinstance(function, partial) else function
    return f"{function.__module__.rpartition('.')[2]}.{function.__qualname__.rpartition('.')[2]}"


def _without_function(name: str) -> Removal:
    def remove(app: Flask, patch: pytest.MonkeyPatch) -> None:
        for hooks in (app.before_request_funcs, app.after_request_funcs):
            patch.setitem(hooks, None, [function for function in hooks[None] if _name(function) != name])

    return remove


def _without_handler(kind: type[Exception]) -> Removal:
    def remove(app: Flask, patch: pytest.MonkeyPatch) -> None:
        patch.delitem(app.error_handler_spec[None][None], kind)

    return remove


def _replaced(owner: object, name: str, replacement: Any) -> Removal:
    """Return a Removal that replaces a function in `owner` and in every module that imported it by name."""

    def remove(_app: Flask, patch: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)
        patch.setattr(owner, name, replacement)
        for module in [module for key, module in sys.modules.items() if key.startswith("project.")]:
            if getattr(module, name, None) is original:
                patch.setattr(module, name, replacement)

    return remove


def _without_complete_body(app: Flask, patch: pytest.MonkeyPatch) -> None:
    assert isinstance(app.wsgi_app, CompleteBody)
    patch.setattr(app, "wsgi_app", app.wsgi_app._application)


def _accepts_json(operation: Operation) -> bool:
    return operation.body_schema is not None


HOOKS = {
    "request_id._start": Hook(_without_function("request_id._start"), ("request_id_is_returned",)),
    "request_id._finish": Hook(_without_function("request_id._finish"), ("request_id_is_returned",)),
    "trace_context.bind": Hook(_without_function("trace_context.bind"), ("request_is_logged_once_with_its_trace_id",)),
    "trusted_hosts.ensure_trusted": Hook(
        _without_function("trusted_hosts.ensure_trusted"),
        ("untrusted_hosts_are_rejected",),
        lambda operation: not operation.rule.any_host,
    ),
    "identity._authorize": Hook(
        _without_function("identity._authorize"),
        ("requests_without_a_token_are_rejected",),
        lambda operation: not operation.is_public,
    ),
    "denials._record": Hook(
        _without_function("denials._record"), ("denied_requests_leave_an_audit_entry",), requires_a_role
    ),
    "audit trail": Hook(
        _replaced(audit, "record", lambda *_args, **_values: None), ("changes_leave_an_audit_entry",), is_audited
    ),
    "rate_limits._enforce": Hook(
        _without_function("rate_limits._enforce"),
        ("responses_have_the_rate_limit_headers",),
        lambda operation: bool(operation.rule.limits),
    ),
    "rate_limits._add_headers": Hook(
        _without_function("rate_limits._add_headers"),
        ("responses_have_the_rate_limit_headers",),
        lambda operation: bool(operation.rule.limits),
    ),
    "json_body.check_accept_and_query": Hook(
        _without_function("json_body.check_accept_and_query"),
        ("accept_headers_without_json_are_rejected", "unknown_parameters_are_rejected"),
        lambda operation: operation.rule.json or not operation.rule.takes_query,
    ),
    "security_headers.add": Hook(_without_function("security_headers.add"), ("responses_have_the_security_headers",)),
    "deprecation._add": Hook(
        _without_function("deprecation._add"),
        ("deprecated_routes_send_deprecation_and_sunset",),
        lambda operation: operation.rule.deprecation is not None,
    ),
    "locations._add": Hook(
        _without_function("locations._add"),
        ("created_resource_is_at_its_location",),
        lambda operation: operation.created_path is not None,
    ),
    "problems for domain errors": Hook(
        _without_handler(Error), ("untrusted_hosts_are_rejected", "unknown_parameters_are_rejected")
    ),
    "problems for Flask errors": Hook(
        _without_handler(HTTPException), ("unsupported_methods_are_rejected_with_allow",)
    ),
    "complete bodies": Hook(
        _without_complete_body,
        ("truncated_bodies_are_rejected",),
        _accepts_json,
    ),
    "strict JSON": Hook(
        _replaced(
            json_body.StrictParser, "load_json", lambda _parser, request, _schema: request.get_json(silent=True) or {}
        ),
        ("unparseable_bodies_are_rejected",),
        _accepts_json,
    ),
    "single parameters": Hook(
        _replaced(json_body.StrictParser, "load_querystring", lambda _parser, request, _schema: request.args.to_dict()),
        ("repeated_parameters_are_rejected",),
        lambda operation: bool(operation.query),
    ),
    "idempotency": Hook(
        _replaced(idempotency, "dispatch", lambda view: view()),
        ("retry_with_a_key_replays_the_response", "invalid_keys_are_rejected"),
        lambda operation: operation.is_keyed,
    ),
    "signed cursors": Hook(
        _replaced(pagination, "_signed", lambda _after: b""),
        ("cursors_are_bound_to_their_caller_and_listing",),
        lambda operation: operation.is_listing,
    ),
    "ETag": Hook(
        _replaced(etags, "_add_etag", lambda _response: None),
        ("unchanged_resources_return_304",),
        lambda operation: operation.is_versioned and operation.method == "GET",
    ),
    "If-Match": Hook(
        _replaced(etags, "expected_versions", lambda: None),
        ("updates_with_a_stale_etag_are_rejected",),
        lambda operation: operation.is_conditional,
    ),
}
