"""The application factory and the list of blueprints."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from project import cli
from project.blueprints.account_deletion import routes as account_deletion
from project.blueprints.audit import routes as audit
from project.blueprints.auth import routes as auth
from project.blueprints.auth.service import load_principal
from project.blueprints.files import routes as files
from project.blueprints.invitations import routes as invitations
from project.blueprints.jobs import routes as jobs
from project.blueprints.metrics import routes as metrics
from project.blueprints.organizations import routes as organizations
from project.blueprints.organizations.service import ensure_member
from project.blueprints.pages import routes as pages
from project.blueprints.system import routes as system
from project.blueprints.users import routes as users
from project.config import Settings
from project.http import openapi
from project.http.application import Application
from project.http.auth import access_tokens, identity, signing_keys
from project.http.middleware import denials, rate_limits, request_id, trace_context, trusted_hosts
from project.http.requests import json_body
from project.http.responses import cors, deprecation, locations, problems, security_headers
from project.infrastructure import database, idempotency_records, logging, mail, rate_counter, storage
from project.infrastructure import jobs as job_queue
from project.infrastructure.development_secrets import with_development_secrets
from project.server import body_stream

API_PREFIX = "/api/v1"
BLUEPRINTS = (
    auth.blueprint,
    users.blueprint,
    organizations.blueprint,
    invitations.blueprint,
    files.blueprint,
    account_deletion.blueprint,
    jobs.blueprint,
    audit.blueprint,
)


def create_app(settings: Settings, *, broker: job_queue.Broker | None = None) -> Flask:
    """Create the application. Opens no connections.

    Jobs are published to `broker`. Without a broker, they stay in the jobs table. Raises InvalidSettings.
    """
    settings = with_development_secrets(settings)
    app = Application(__name__, static_folder=None)
    app.extensions["settings"] = settings
    logging.configure(settings)
    _init_infrastructure(app, settings, broker)
    _init_http(app, settings)
    cli.init_app(app)
    return app


def _init_infrastructure(app: Flask, settings: Settings, broker: job_queue.Broker | None) -> None:
    database.init_app(app, settings)
    storage.init_app(app, settings)
    mail.init_app(app, settings)
    job_queue.init_app(app, broker)
    rate_counter.init_app(app, settings)
    idempotency_records.init_app(app, settings)


def _init_http(app: Flask, settings: Settings) -> None:
    request_id.init_app(app)
    trace_context.init_app(app)
    trusted_hosts.init_app(app, settings)
    cors.init_app(app, settings)
    security_headers.init_app(app)
    api = openapi.init_app(app, settings)
    deprecation.init_app(app)
    locations.init_app(app)
    problems.init_app(app)
    signing_keys.init_app(app, settings)
    access_tokens.init_app(app)
    identity.init_app(app, identity.AccessHooks(load_principal, ensure_member))
    denials.init_app(app)
    rate_limits.init_app(app, settings)
    app.before_request(json_body.check_accept_and_query)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=API_PREFIX + (blueprint.url_prefix or ""))
    api.register_blueprint(system.blueprint)
    app.register_blueprint(pages.blueprint)
    if settings.metrics_token:
        app.register_blueprint(metrics.blueprint)
    app.wsgi_app = body_stream.CompleteBody(app.wsgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
