"""The development mailbox: who can open it, and how it displays emails safely."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from project.app import create_app
from project.config import Settings
from project.infrastructure.mail import Message, open_mailer
from tests.blueprints.pages.page_parser import Page
from tests.kit.clients.api import problem


def _send(tmp_path: Path, number: int = 1, **changes: Any) -> None:
    fields = {
        "message_id": f"<test.{number}@localhost>",
        "to": "ada@example.com",
        "subject": f"Mail {number}",
        "text": "Come: http://localhost:8000/invitation#token=a.1.b-c_d",
        "date": datetime(2026, 1, 31, 12, tzinfo=UTC),
    }
    email = Message(**{**fields, **changes})
    open_mailer(f"file://{tmp_path}/mail", sender="Groundwork <no-reply@localhost.localdomain>").send(email)
    [path] = (file for file in tmp_path.glob(f"mail/*{number}@*.eml"))
    os.utime(path, ns=(number, number))


def test_production_has_no_mailbox_and_no_link_to_it(production: FlaskClient) -> None:
    problem(production.get("/dev/mail"), 404, "not-found")
    assert "/dev/mail" not in production.get("/").text


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_mailbox_is_not_found_if_request_comes_through_a_proxy(client: FlaskClient, header: str) -> None:
    problem(client.get("/dev/mail", headers={header: "127.0.0.1"}), 404, "not-found")


def test_mailbox_is_protected_against_dns_rebinding(tmp_path: Path) -> None:
    settings = Settings(app_env="development", data_dir=tmp_path, trusted_hosts="api.example.com")
    client = create_app(settings).test_client()
    problem(client.get("/dev/mail", headers={"Host": "api.example.com"}), 404, "not-found")


def test_link_in_email_is_clickable(client: FlaskClient, tmp_path: Path) -> None:
    _send(tmp_path)
    assert "http://localhost:8000/invitation#token=a.1.b-c_d" in Page(client.get("/dev/mail").text).urls()


def test_html_in_email_is_escaped(client: FlaskClient, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script><a href="javascript:alert(2)">x</a>'
    _send(tmp_path, subject=evil, text=evil, html=evil)
    page = client.get("/dev/mail").text
    assert page.count("&lt;script&gt;") == 2
    assert "<script>" not in page
    assert not [url for url in Page(page).urls() if url.startswith("javascript:")]


def test_html_version_is_shown_without_scripts(client: FlaskClient, tmp_path: Path) -> None:
    _send(tmp_path, 1, html="<p>First</p>")
    _send(tmp_path, 2, html="<p>Second</p>")
    [url] = [url for url in Page(client.get("/dev/mail").text).urls() if url.startswith("/dev/mail/test_1@")]
    response = client.get(url)
    assert response.text.strip() == "<p>First</p>"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_html_version_of_plain_or_unknown_email_is_not_found(client: FlaskClient, tmp_path: Path) -> None:
    _send(tmp_path)
    [plain] = client.get("/dev/mail", headers={"Accept": "application/json"}).json["items"]
    problem(client.get(f"/dev/mail/{plain['id']}"), 404, "not-found")
    problem(client.get("/dev/mail/unknown"), 404, "not-found")


def test_mailbox_is_available_as_json(client: FlaskClient, tmp_path: Path) -> None:
    _send(tmp_path, html="<p>Come</p>")
    response = client.get("/dev/mail", headers={"Accept": "application/json"})
    [item] = response.json["items"]
    assert response.headers["Vary"] == "Accept"
    assert {name: text.strip() for name, text in item.items()} == {
        "id": item["id"],
        "message_id": "<test.1@localhost>",
        "to": "ada@example.com",
        "from": "Groundwork <no-reply@localhost.localdomain>",
        "subject": "Mail 1",
        "date": "2026-01-31T12:00:00Z",
        "text": "Come: http://localhost:8000/invitation#token=a.1.b-c_d",
        "html": "<p>Come</p>",
    }


def test_mailbox_lists_the_100_newest_emails_newest_first(client: FlaskClient, tmp_path: Path) -> None:
    for number in range(1, 102):
        _send(tmp_path, number)
    items = client.get("/dev/mail", headers={"Accept": "application/json"}).json["items"]
    assert [item["subject"] for item in items] == [f"Mail {number}" for number in range(101, 1, -1)]


def test_mailbox_page_shows_smtp_server_without_credentials(tmp_path: Path) -> None:
    mail_url = "smtp://user:hunter2@mail.example.com:587"
    settings = Settings(app_env="development", data_dir=tmp_path, mail_url=mail_url)
    client = create_app(settings).test_client()
    page = client.get("/dev/mail").text
    items = client.get("/dev/mail", headers={"Accept": "application/json"}).json["items"]
    assert "mail.example.com" in page
    assert "hunter2" not in page
    assert items == []
