"""The layout that all emails share: paragraphs and links, rendered as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, select_autoescape

from project.config import current_settings
from project.infrastructure.mail.message import Message
from project.setting_types import host_of_url


@dataclass(frozen=True)
class Link:
    """A button in HTML, and a line with the URL in both formats."""

    label: str
    url: str


def page_link(label: str, page: str, **fragment: str) -> Link:
    """Return a link to a page of the front end.

    Browsers do not send the fragment, so that no server logs the token that it contains.
    """
    return Link(label, f"{current_settings().frontend_url}/{page}{'#' if fragment else ''}{urlencode(fragment)}")


def compose_message(
    reference: str, *, to: str, subject: str, body: Sequence[str | Link], date: datetime, closing: str = ""
) -> Message:
    """Return a message whose `body` is rendered with the layout. Equal arguments yield the same bytes.

    `reference` identifies the message in its `Message-ID`.
    """
    values = {"subject": subject, "body": body, "closing": closing}
    return Message(
        message_id=f"<{reference}@{host_of_url(current_settings().frontend_url)}>",
        to=to,
        subject=subject,
        text=_templates().get_template("email.txt").render(values),
        date=date,
        html=_templates().get_template("email.html").render(values),
    )


def format_time(at: datetime) -> str:
    """Return a time for readers in any time zone, such as `March 5, 2026 at 14:30 UTC`."""
    return f"{at:%B} {at.day}, {at:%Y at %H:%M} UTC"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
