"""Fixtures for tests of the pages: a service started like `./bin/run`, and browser tabs that must not report errors."""

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
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.kit.servers.ports import free_port
from tests.kit.servers.process import running, wait_until

ROOT = Path(__file__).parents[3]
PASSWORD = "seven unlikely herons"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
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
        return response.json() if response.data else None

    def link(self, email: str, page: str, after: int = 0) -> str:
        """Return the link to `page` in the newest email to an address. Waits until there are more than `after`."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            texts = [each["text"] for each in self.call("GET", "/dev/mail")["items"] if each["to"] == email]
            links = [link[0] for text in texts if (link := re.search(rf"http\S+/{page}#\S+", text))]
            if len(links) > after:
                return links[0]
            time.sleep(0.1)
        raise AssertionError(f"no email with a link to {page} arrived for {email} within 20 s")

    def registered(self, name: str) -> tuple["Service", str]:
        """Register a new account and log in. Returns the client and the email address."""
        email = f"user{next(_numbers)}@example.com"
        account = {"email": email, "password": PASSWORD}
        self.call("POST", "/api/v1/auth/register", {**account, "display_name": name})
        return Service(self.url, self.call("POST", "/api/v1/auth/login", account)["access_token"]), email


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
