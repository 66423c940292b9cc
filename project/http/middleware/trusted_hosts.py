"""Rejects requests whose `Host` is not one of TRUSTED_HOSTS, before access checks and views."""

from flask import Flask, request

from project.config import Settings
from project.http.responses.problems import MalformedRequest
from project.http.routing.rule import current_rule
from project.setting_types import host_of


def init_app(app: Flask, settings: Settings) -> None:
    """Reject requests of `app` whose `Host` is not trusted, except on routes declared with `any_host`.

    Flask's TRUSTED_HOSTS (3.1.3 in requirements.txt) does not support IPv6 addresses or per-route exceptions.
    """
    trusted = frozenset(settings.trusted_hosts)

    @app.before_request
    def ensure_trusted() -> None:
        # Do not use `request.host`: without a `Host` header, it is the address that the server is bound to.
        is_trusted = host_of(request.headers.get("Host", "")) in trusted
        rule = current_rule()
        if not is_trusted and not (rule and rule.any_host):
            raise MalformedRequest("The `Host` header names a host that this service does not serve.")
