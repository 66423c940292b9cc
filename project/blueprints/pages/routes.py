"""Routes for the HTML pages and their static assets."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, send_from_directory

from project.blueprints.pages import service
from project.config import current_settings
from project.errors import NotFound
from project.http.responses import problems
from project.http.routing.access import development, public

blueprint = Blueprint("pages", __name__, template_folder="templates")

_STATIC = Path(__file__).with_name("static")
_DAY_SECONDS = 86400


@blueprint.context_processor
def describe_service() -> dict[str, Any]:
    settings = current_settings()
    return {
        "public_url": settings.public_url,
        "frontend_url": settings.frontend_url,
        "is_development": settings.is_development,
    }


@blueprint.get("/", access=public, json=False)
def show_home() -> str:
    return render_template("home.html")


@blueprint.get("/docs", access=public, json=False)
def show_documentation() -> str:
    return render_template("documentation.html")


@blueprint.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>", access=public, json=False)
def send_swagger_ui(name: str) -> Response:
    # Use only the assets of flask_swagger_ui: its blueprint needs inline scripts, which our Content Security Policy
    # forbids.
    return send_from_directory(str(files("flask_swagger_ui") / "dist"), name, max_age=_DAY_SECONDS)


@blueprint.get("/static/<path:name>", access=public, json=False)
def send_static(name: str) -> Response:
    """Send a static asset. Browsers cache it, and revalidate it with its `ETag` on each use."""
    return send_from_directory(_STATIC, name)


@blueprint.get("/problems", access=public, json=False)
def list_problems() -> str:
    kinds = sorted(problems.catalog().values(), key=problems.status_of)
    return render_template("problems.html", kinds=kinds, status_of=problems.status_of)


@blueprint.get("/problems/<code>", access=public, json=False)
def show_problem(code: str) -> str:
    kind = problems.catalog().get(code)
    if kind is None:
        raise NotFound
    return render_template("problem.html", kind=kind, status=problems.status_of(kind))


@blueprint.get("/invitation", access=public, json=False)
def show_invitation() -> str:
    """Render the page that invitation emails link to. The token is in the URL fragment, which browsers never send."""
    return render_template("invitation.html")


@blueprint.get("/verify-email", access=public, json=False)
def show_email_verification() -> str:
    return render_template("verify_email.html")


@blueprint.get("/reset-password", access=public, json=False)
def show_password_reset() -> str:
    return render_template("reset_password.html")


@blueprint.get("/dev/mail", access=development, json=False)
def show_mailbox() -> Response:
    """Return the emails stored in development, as an HTML page, or as JSON if the client prefers JSON."""
    mail_url = current_settings().mail_url
    messages = service.list_mail(mail_url)
    page = {"messages": messages, "server": service.mail_server(mail_url)}
    response = make_response({"items": messages} if _prefers_json() else render_template("mailbox.html", **page))
    response.vary.add("Accept")
    return response


@blueprint.get("/dev/mail/<message_id>", access=development, json=False)
def show_mail(message_id: str) -> Response:
    """Return the HTML version of an email, without scripts, as mail programs show it."""
    response = make_response(service.get_html(current_settings().mail_url, message_id))
    response.content_security_policy.default_src = "'none'"
    response.content_security_policy.style_src = "'unsafe-inline'"
    return response


def _prefers_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
