"""Binds the trace id of a request (W3C Trace Context) to its log lines and to those of the jobs that it enqueues."""

import re
import secrets

from flask import Flask, request

from project.infrastructure import logging

# Version ff is invalid. Version 00 has exactly 55 characters. Later versions may append fields after the flags.
_TRACEPARENT = re.compile(
    r"(?!ff)(?!00-.{53})[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def init_app(app: Flask) -> None:
    """Bind a trace id to the log for each request of `app`. Must be registered after the request id.

    Requests without a valid `traceparent` get a new trace id.
    """

    @app.before_request
    def bind() -> None:
        incoming = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        logging.bind(trace_id=incoming["trace_id"] if incoming else secrets.token_hex(16))
