"""The `Location` of a created resource (RFC 9110): the URL at which it can be read."""

from urllib.parse import quote

from flask import Flask, Response, json, request

from project.config import current_settings
from project.http.routing.rule import current_rule


def init_app(app: Flask) -> None:
    """Add `Location` to each response of `app` to a `POST` that created a readable resource."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    rule = current_rule()
    if request.method == "POST" and response.status_code == 201 and rule and rule.created_path:
        # This includes replayed responses, so routes that handle idempotency keys themselves do not set the header.
        item = rule.created_path.rpartition("{")[2].rstrip("}")
        values = {**(request.view_args or {}), item: json.loads(response.get_data())["id"]}
        response.headers["Location"] = current_settings().public_url + quote(rule.created_path.format(**values))
    return response
