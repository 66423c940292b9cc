"""The invitation page and the docs page work in a real browser without console errors."""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import running, wait_until

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
PASSWORD = "seven unlikely herons"
ORGANIZATION = "Engines <img src=x onerror=alert(1)> & Co"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
_LINK = re.compile(r"http\S+/invitation#token=\S+")
_numbers = count(1)


@dataclass(frozen=True)
class Service:
    """A client for the running service, logged in if it has a `token`."""

    url: str
    token: str = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the body of the response, which must be a success."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        response = urllib3.request(method, self.url + path, json=body, headers=headers, timeout=10)
        assert response.status < 300, response.data
        return response.json()

    def registered(self, name: str) -> tuple["Service", str]:
        """Register a new account and log in. Returns the client and the email address."""
        email = f"user{next(_numbers)}@example.com"
        account = {"email": email, "password": PASSWORD}
        self.call("POST", "/api/v1/auth/register", {**account, "display_name": name})
        return Service(self.url, self.call("POST", "/api/v1/auth/login", account)["access_token"]), email


@dataclass(frozen=True)
class Host:
    """An organization and its owner's client."""

    service: Service
    organization_id: str

    def invite(self, email: str, role: str = "member") -> str:
        """Invite an email address and return the link from the email."""
        path = f"/api/v1/organizations/{self.organization_id}/invitations"
        self.service.call("POST", path, {"email": email, "role": role})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            messages = self.service.call("GET", "/dev/mail")["items"]
            text = "".join(message["text"] for message in messages if message["to"] == email)
            if link := _LINK.search(text):
                return link[0]
            time.sleep(0.1)
        raise AssertionError(f"no email with a link arrived for {email} within 20 s")

    def role_of(self, email: str) -> str | None:
        """Return the role of a member, or `None` for a non-member."""
        members = self.service.call("GET", f"/api/v1/organizations/{self.organization_id}/members")["items"]
        return {member["email"]: member["role"] for member in members}.get(email)


@dataclass
class ConsoleErrors:
    """Errors and warnings in the browser console, except those about 4xx responses, which tests cause on purpose."""

    found: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._record)
        page.on("pageerror", lambda error: self.found.append(str(error)))

    def _record(self, message: ConsoleMessage) -> None:
        expected = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if message.type in ("error", "warning") and not expected:
            self.found.append(message.text)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A client for an instance started like `./bin/run`. The instance must exit with status 0 on SIGINT."""
    folder = tmp_path_factory.mktemp("service")
    port, log = free_port(), folder / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "development",
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
    }
    command = [sys.executable, "-m", "project.cli.run"]
    with running(command, log=log, stop=signal.SIGINT, cwd=ROOT, env=environment) as process:
        service = Service(f"http://localhost:{port}")
        wait_until(lambda: service.call("GET", "/health/ready"), process, log=log, seconds=60)
        yield service
    assert process.returncode == 0, log.read_text()[-2000:]


@pytest.fixture(scope="module")
def host(service: Service) -> Host:
    owner, _email = service.registered("Grace Hopper")
    organization = owner.call("POST", "/api/v1/organizations", {"name": ORGANIZATION})
    return Host(owner, organization["id"])


@pytest.fixture(scope="module")
def browser(service: Service) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser tab. The test fails if errors or warnings appear in its console."""
    errors = ConsoleErrors()
    with browser.new_context() as context:
        page = context.new_page()
        errors.listen(page)
        yield page
    assert errors.found == []


def test_new_user_joins_organization_by_registering(host: Host, page: Page) -> None:
    email = "ada@example.com"
    page.goto(host.invite(email))
    expect(page.get_by_role("heading")).to_have_text(f"Join {ORGANIZATION}")
    assert page.url == f"{host.service.url}/invitation"
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text(f"Welcome to {ORGANIZATION}")
    assert host.role_of(email) == "member"


def test_weak_password_is_reported_next_to_the_password_field(host: Host, page: Page) -> None:
    page.goto(host.invite("weak@example.com"))
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Choose a password").fill("too short")
    page.get_by_role("button", name="Create account and join").click()
    expect(page.locator("#new-password-error")).to_have_text("Must have 12 to 128 characters.")
    expect(page.get_by_label("Choose a password")).to_be_focused()


def test_existing_user_joins_by_logging_in_and_is_then_logged_out(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    page.goto(host.invite(email, "admin"))
    page.get_by_label("Your password").fill(PASSWORD)
    with page.expect_response("**/api/v1/auth/logout") as logout:
        page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("heading")).to_have_text(f"Welcome to {ORGANIZATION}")
    assert host.role_of(email) == "admin"
    assert logout.value.status == 204
    assert page.evaluate("document.cookie + localStorage.length + sessionStorage.length") == "00"


def test_wrong_password_is_reported_and_user_does_not_join(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    page.goto(host.invite(email))
    page.get_by_label("Your password").fill("not the right one")
    page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("alert")).to_contain_text("The email address or the password is wrong.")
    assert host.role_of(email) is None


def test_page_reports_that_invitation_was_already_accepted(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    link = host.invite(email)
    page.goto(link)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("heading")).to_contain_text("Welcome")
    page.goto(link)
    expect(page.get_by_role("heading")).to_have_text("Invitation already accepted")


@pytest.mark.parametrize(
    ("fragment", "heading"),
    [
        ("", "Open the link in your email"),
        ("#token=a.1.b", "Invalid invitation link"),
        ("#token=" + "x" * 600, "Invalid invitation link"),
    ],
)
def test_page_reports_that_link_has_no_valid_token(service: Service, page: Page, fragment: str, heading: str) -> None:
    page.goto(f"{service.url}/invitation{fragment}")
    expect(page.get_by_role("heading")).to_have_text(heading)


def test_docs_page_can_send_authorized_requests(service: Service, page: Page) -> None:
    caller, email = service.registered("Ada Lovelace")
    page.goto(f"{service.url}/docs")
    page.locator("button.authorize").first.click()
    page.locator(".auth-container input").fill(caller.token)
    page.locator(".auth-container button.authorize").click()
    page.locator(".btn-done").click()
    page.locator("[data-path='/api/v1/auth/me']").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .highlight-code").first).to_contain_text(email)
