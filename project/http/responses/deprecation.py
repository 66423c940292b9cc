"""Adds `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` headers to the responses of deprecated routes."""

from flask import Flask, Response
from werkzeug.http import http_date

from project.http.routing.rule import current_rule


def init_app(app: Flask) -> None:
    """Add the headers to every response from a deprecated route of `app`."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    rule = current_rule()
    if rule is not None and rule.deprecation is not None:
        response.headers["Deprecation"] = f"@{int(rule.deprecation.since.timestamp())}"
        response.headers["Sunset"] = http_date(rule.deprecation.sunset)
        response.headers.add("Link", f'<{rule.deprecation.link}>; rel="deprecation"; type="text/html"')
    return response
