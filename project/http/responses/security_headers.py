"""Adds security headers to every response. Headers set by the route are kept."""

from flask import Flask, Response

from project.config import current_settings

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def init_app(app: Flask) -> None:
    """Add the security headers to each response of `app`."""
    app.after_request(add)


def add(response: Response) -> Response:
    """Add the missing security headers to `response`, and return it."""
    policy = _PAGE_POLICY if response.mimetype == "text/html" else _API_POLICY
    headers = {**_ALWAYS, "Content-Security-Policy": policy}
    if current_settings().public_url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    present = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - `headers` iterates over pairs
    response.headers.extend([(name, value) for name, value in headers.items() if name.lower() not in present])
    if response.status_code == 204:
        response.headers.remove("Content-Type")
    return response
