"""The `Location` of a created resource (RFC 9110): the URL at which it can be read."""

import re
from urllib.parse import quote

from flask import Flask, Response, current_app, json, request

from project.config import current_settings
from project.http.routing.rule import ContractRule, current_rule


def init_app(app: Flask) -> None:
    """Add `Location` to each response of `app` to a `POST` that created a readable resource."""
    app.after_request(_add)


def can_read_created(app: Flask, rule: ContractRule) -> bool:
    """Return whether `app` has a `GET` route for the resources that a `POST` to `rule` creates: `<path>/{…_id}`."""
    item = re.compile(re.escape(rule.template) + r"/\{\w+_id\}")
    rules = [each for each in app.url_map.iter_rules() if isinstance(each, ContractRule)]
    return any("GET" in (each.methods or ()) and item.fullmatch(each.template) for each in rules)


def _add(response: Response) -> Response:
    rule = current_rule()
    if request.method == "POST" and response.status_code == 201 and rule and can_read_created(current_app, rule):
        # This includes replayed responses, so routes that handle idempotency keys themselves do not set the header.
        created = json.loads(response.get_data())
        response.headers["Location"] = f"{current_settings().public_url}{quote(request.path)}/{created['id']}"
    return response
