"""Refresh cookies in a real browser: a front end on another origin of the same site can use them, other sites cannot.

The ports of one host are different origins of the same site, like app.example.com and api.example.com. 127.0.0.1 and
localhost are different sites.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from project.config import Settings
from project.http.auth.refresh_cookies import NAME
from tests.e2e.test_cors_in_browser import ACCOUNT, CHROMIUM, CHROMIUM_FLAGS
from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import programs
from tests.kit.servers.scripted_http import reply, scripted_server

pytestmark = [pytest.mark.full, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

POST = """
async ([url, body, token]) => {
  const headers = {"X-Requested-With": "XMLHttpRequest"};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers["Authorization"] = `Bearer ${token}`;
  const response = await fetch(url, {method: "POST", credentials: "include", headers, body: JSON.stringify(body)});
  return [response.status, await response.json().catch(() => null)];
}
"""
SUBMIT_FORM = """
url => {
  const form = Object.assign(document.createElement("form"), {method: "POST", action: url});
  document.body.append(form);
  form.submit();
}
"""


@dataclass(frozen=True)
class World:
    """An API with an account, and pages in the same browser. `elsewhere` is a page of another site.

    CORS_ORIGINS lists the origins of `front_end` and `elsewhere`, but not that of `unlisted`.
    """

    api: str
    context: BrowserContext
    front_end: Page
    unlisted: Page
    elsewhere: Page

    def post(self, page: Page, path: str, body: Any = None, token: str | None = None) -> Any:
        """Return the status and the body of the response."""
        return page.evaluate(POST, [f"{self.api}/api/v1{path}", body, token])

    def log_in(self, page: Page) -> Any:
        return self.post(page, "/auth/cookie/login", ACCOUNT)

    def refresh(self, page: Page) -> Any:
        return self.post(page, "/auth/cookie/refresh")

    @property
    def cookie(self) -> Any:
        """The refresh cookie in the browser, or `None`."""
        return next((cookie for cookie in self.context.cookies() if cookie.get("name") == NAME), None)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    page = reply(b"<!doctype html><title>A front end</title><body>", Content_Type="text/html")
    with ExitStack() as stack:
        hosts = ("localhost", "localhost", "127.0.0.1")
        origins = [f"http://{host}:{stack.enter_context(scripted_server(ANY=page))}" for host in hosts]
        listed = f"{origins[0]},{origins[2]}"
        program = programs(settings, REFRESH_COOKIE_ENABLED="true", CORS_ORIGINS=listed)
        api = stack.enter_context(program.web())
        Api(Remote(api)).register(**ACCOUNT)  # type: ignore[arg-type]
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = stack.enter_context(chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS))
        context = browser.new_context()
        pages = [context.new_page() for _ in origins]
        for page_, origin in zip(pages, origins, strict=True):
            page_.goto(origin)
        yield World(api.replace("127.0.0.1", "localhost"), context, *pages)


def test_front_end_on_another_origin_of_the_same_site_stays_logged_in(world: World) -> None:
    assert world.log_in(world.front_end)[0] == 200
    first = world.cookie
    assert (first["secure"], first["httpOnly"], first["sameSite"]) == (True, True, "Strict")
    world.front_end.reload()
    status, session = world.refresh(world.front_end)
    assert (status, world.cookie["value"] != first["value"]) == (200, True)
    assert world.front_end.evaluate("document.cookie") == ""
    assert world.post(world.front_end, "/auth/logout", token=session["access_token"])[0] == 204
    assert world.cookie is None


def test_page_of_the_api_can_use_the_cookie(world: World) -> None:
    world.unlisted.goto(f"{world.api}/docs")
    assert [world.log_in(world.unlisted)[0], world.refresh(world.unlisted)[0]] == [200, 200]
    assert world.unlisted.evaluate("document.cookie") == ""


def test_other_sites_can_neither_set_nor_use_the_cookie(world: World) -> None:
    assert world.log_in(world.elsewhere)[0] == 200
    assert world.cookie is None
    world.log_in(world.front_end)
    before = world.cookie
    assert world.refresh(world.elsewhere)[1]["code"] == "refresh-token-invalid"
    assert world.cookie == before


def test_unlisted_origin_of_the_same_site_cannot_use_the_cookie(world: World) -> None:
    world.log_in(world.front_end)
    before = world.cookie
    for send in (world.log_in, world.refresh):
        with pytest.raises(Error, match="Failed to fetch"):
            send(world.unlisted)
    with world.unlisted.expect_response("**/auth/cookie/refresh") as submitted:
        world.unlisted.evaluate(SUBMIT_FORM, f"{world.api}/api/v1/auth/cookie/refresh")
    assert submitted.value.request.all_headers().get("cookie", "").startswith(NAME)  # it has the cookie, but no header
    assert submitted.value.status == 422
    assert world.cookie == before
    assert world.refresh(world.front_end)[0] == 200
