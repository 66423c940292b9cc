"""The example in docs/clients.md, in two tabs of a real browser, stays logged in and repeats requests safely."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from project.config import Settings
from tests.e2e.test_cors_in_browser import ACCOUNT, CHROMIUM, CHROMIUM_FLAGS
from tests.kit.clients.api import Api
from tests.kit.clients.remote import Remote
from tests.kit.deployment.programs import programs
from tests.kit.servers.scripted_http import reply, scripted_server
from tests.openapi_tools.commands import run_tool
from tests.openapi_tools.test_clients import EXAMPLE, STRICT, write_types

pytestmark = [pytest.mark.full, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

PAGE = """
<!doctype html><title>A front end</title>
<script type="importmap">{"imports": {"openapi-fetch": "/openapi-fetch.js"}}</script>
<script type="module">import * as client from "/client.js"; window.client = client;</script>
"""
GET_ME_THREE_TIMES = """
async () => {
  const send = () => client.api.GET("/api/v1/auth/me");
  const results = await Promise.all([send(), send(), send()]);
  return results.map(({data, error}) => data?.email ?? error.code);
}
"""
CREATE_ORGANIZATION = """
async () => {
  const {response} = await client.createOrganization("Engines");
  return [response.status, response.headers.get("Idempotency-Replayed")];
}
"""
LOG_IN = "({email, password}) => client.logIn(email, password)"


@pytest.fixture(scope="module")
def example(document: Path, node: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example, compiled to JavaScript."""
    folder = tmp_path_factory.mktemp("example")
    write_types(document, node, folder)
    (folder / "client.ts").write_text(EXAMPLE)
    run_tool(node / "tsc", *STRICT, "client.ts", folder=folder)
    return (folder / "client.js").read_text()


@pytest.fixture
def tabs(settings: Settings, example: str, node: Path) -> Iterator[list[Page]]:
    """Two tabs with the front end. A replaced refresh token is rejected at once."""
    scripts = {"/openapi-fetch.js": (node.parent / "openapi-fetch" / "dist" / "index.mjs").read_text()}
    with ExitStack() as stack:
        origin = f"http://localhost:{stack.enter_context(scripted_server(ANY=_serve(scripts)))}"
        cookies = {"REFRESH_COOKIE_ENABLED": "true", "CORS_ORIGINS": origin, "REFRESH_GRACE_PERIOD_SECONDS": "0"}
        api = stack.enter_context(programs(settings, **cookies).web())
        Api(Remote(api)).register(**ACCOUNT)  # type: ignore[arg-type]
        scripts["/client.js"] = example.replace("https://api.example.com", api.replace("127.0.0.1", "localhost"))
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = stack.enter_context(chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS))
        context = browser.new_context()
        pages = [context.new_page() for _ in range(2)]
        for page in pages:
            page.goto(origin)
        yield pages


def _serve(scripts: dict[str, str]) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(request: BaseHTTPRequestHandler) -> None:
        kind = "text/javascript" if request.path in scripts else "text/html"
        reply(scripts.get(request.path, PAGE).encode(), Content_Type=kind)(request)

    return respond


def get_me(page: Page) -> tuple[list[str], int]:
    """Send three concurrent requests. Return what each returned, and how many refreshes the tab has sent."""
    page.wait_for_function("window.client")
    refreshes: list[Any] = []
    page.on("request", lambda request: refreshes.append(request) if request.url.endswith("/refresh") else None)
    return page.evaluate(GET_ME_THREE_TIMES), len([each for each in refreshes if each.method == "POST"])


def test_each_tab_refreshes_once_and_stays_logged_in(tabs: list[Page]) -> None:
    first, second = tabs
    assert get_me(first) == (["authentication-required"] * 3, 3)
    first.evaluate(LOG_IN, ACCOUNT)
    assert get_me(first) == ([ACCOUNT["email"]] * 3, 0)
    for _ in range(2):
        second.reload()
        assert get_me(second) == ([ACCOUNT["email"]] * 3, 1)
    assert get_me(first) == ([ACCOUNT["email"]] * 3, 0)


def test_session_ended_in_one_tab_is_not_refreshed_in_the_other(tabs: list[Page]) -> None:
    first, second = tabs
    first.evaluate(LOG_IN, ACCOUNT)
    assert get_me(second) == ([ACCOUNT["email"]] * 3, 1)
    first.evaluate("() => client.logOut()")
    assert get_me(second) == (["token-revoked"] * 3, 0)
    assert get_me(first)[0] == ["authentication-required"] * 3


def test_request_is_repeated_with_the_same_key_after_a_lost_response(tabs: list[Page]) -> None:
    [page, _] = tabs
    page.evaluate(LOG_IN, ACCOUNT)
    page.route("**/organizations", lose_response, times=1)
    assert page.evaluate(CREATE_ORGANIZATION) == [201, "true"]


def lose_response(route: Route) -> None:
    """Send the request to the server, but not the response to the page."""
    route.fetch()
    route.abort()
