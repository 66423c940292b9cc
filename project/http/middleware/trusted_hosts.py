"""By which names this service may be called: a request that names another host is refused before anything else."""

from flask import Flask, request

from project.config import Settings
from project.http.responses.problems import MalformedRequest
from project.http.routing.rule import current_rule
from project.setting_types import host_of


def init_app(app: Flask, settings: Settings) -> None:
    """Refuse requests of `app` that name another host.

    Flask's own TRUSTED_HOSTS knows no IPv6 address and lets no route answer whatever the name.
    """
    trusted = frozenset(settings.trusted_hosts)

    @app.before_request
    def ensure_trusted() -> None:
        # Not `request.host`: without a header, that is what the server happens to be bound to.
        is_trusted = host_of(request.headers.get("Host", "")) in trusted
        rule = current_rule()
        if not is_trusted and not (rule and rule.any_host):
            raise MalformedRequest("The `Host` header names a host that this service does not serve.")
