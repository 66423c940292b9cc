"""Assigns each request an id, for its response and its log lines, and logs each request once."""

import re
import time
from typing import Any

from flask import Flask, Response, g, request

from project.infrastructure import logging
from project.infrastructure.database.models import new_id

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")


def init_app(app: Flask) -> None:
    """Assign an id to each request of `app`, and log each request.

    Must be registered before handlers that may reject requests.
    """
    app.before_request(_start)
    app.after_request(_finish)


def start_request(incoming: str = "") -> str:
    """Return the id of the request and bind it to the log.

    The id is `incoming` if that is well-formed, otherwise a new id.
    """
    request_id = incoming if _ACCEPTED.fullmatch(incoming) else str(new_id())
    logging.clear_context()
    logging.bind(request_id=request_id)
    return request_id


def finish_request(response: Response, request_id: str, **outcome: Any) -> Response:
    """Add the id to the response, and log the request with its `outcome`."""
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
