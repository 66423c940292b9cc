"""An id for each request, on its answer and on every log line; and the one log event a request."""

import re
import time

from flask import Flask, Response, g, request

from project.infrastructure import observability
from project.infrastructure.columns import new_id

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def init_app(app: Flask) -> None:
    """Name and log each request of `app`; must come before whatever may refuse one."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    incoming = request.headers.get("X-Request-ID", "")
    g.request_id = incoming if _ACCEPTED.fullmatch(incoming) else str(new_id())
    g.began = time.perf_counter()
    observability.unbind_all()
    observability.bind(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    observability.logger.info(
        "request",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        problem=g.get("problem_code"),
        duration_ms=round((time.perf_counter() - g.began) * 1000, 1),
    )
    return response
