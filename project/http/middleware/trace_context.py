"""The trace that a request belongs to (W3C Trace Context), on its log lines and on those of the jobs it causes."""

import re
import secrets

from flask import Flask, request

from project.infrastructure import logging

# There is no version ff, and version 00 has exactly 55 characters; a later one may go on behind the flags.
_TRACEPARENT = re.compile(
    r"(?!ff)(?!00-.{53})[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def init_app(app: Flask) -> None:
    """Bind the trace of each request of `app` to its log; must come after the request id."""

    @app.before_request
    def bind() -> None:
        incoming = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
        logging.bind(trace_id=incoming["trace_id"] if incoming else secrets.token_hex(16))
