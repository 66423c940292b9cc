"""An id for each request, on its answer and on every log line; and the one log event a request."""

import re
import time
from typing import Any

from flask import Flask, Response, g, request

from project.infrastructure import logging
from project.infrastructure.database.models import new_id

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def init_app(app: Flask) -> None:
    """Name and log each request of `app`; must come before whatever may refuse one."""
    app.before_request(_start)
    app.after_request(_finish)


def start_request(incoming: str = "") -> str:
    """The id of a request, on every log line from here: `incoming` if it is sane, else a fresh one."""
    request_id = incoming if _ACCEPTED.fullmatch(incoming) else str(new_id())
    logging.clear_context()
    logging.bind(request_id=request_id)
    return request_id


def finish_request(response: Response, request_id: str, **outcome: Any) -> Response:
    """Put the id on the answer, and the `outcome` of the request into the log."""
    response.headers["X-Request-ID"] = request_id
    logging.logger.info("request", status=response.status_code, **outcome)
    return response


def _start() -> None:
    g.request_id = start_request(request.headers.get("X-Request-ID", ""))
    g.began = time.perf_counter()


def _finish(response: Response) -> Response:
    return finish_request(
        response,
        g.request_id,
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        problem=g.get("problem_code"),
        duration_ms=round((time.perf_counter() - g.began) * 1000, 1),
    )
