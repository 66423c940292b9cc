"""CORS in a real browser: a page on one port calls the API on another port."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from project.config import Settings
from tests.kit.deployment.programs import programs
from tests.kit.servers.scripted_http import reply, scripted_server

pytestmark = [pytest.mark.full, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
ACCOUNT = {"email": "ada@example.com", "password": "seven unlikely herons"}
REGISTER_AND_CREATE = """
async ([api, account]) => {
  const post = (path, body, headers) => fetch(`${api}/api/v1${path}`, {
    method: "POST", headers: {"Content-Type": "application/json", ...headers}, body: JSON.stringify(body),
  });
  await post("/auth/register", account);
  const tokens = await (await post("/auth/login", account)).json();
  const response = await post("/organizations", {name: "Engines"}, {
    "Authorization": `Bearer ${tokens.access_token}`,
    "Idempotency-Key": "from-a-page",
    "X-Request-ID": "from-a-page",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  });
  return [response.status, (await response.json()).name, response.headers.get("X-Request-ID")];
}
"""
DELETE_UNKNOWN_PATH = """
async (api) => {
  const response = await fetch(`${api}/api/v1/nowhere`, {method: "DELETE"});
  return [response.status, (await response.json()).code];
}
"""
READ_HEALTH = """
async ([api, options]) => (await fetch(`${api}/health/live`, options)).status
"""


@dataclass(frozen=True)
class World:
    """An API, a page from an origin that the API allows, and a page from an origin that it does not allow."""

    api: str
    allowed: Page
    foreign: Page


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    page = reply(b"<!doctype html><title>A front end</title>", Content_Type="text/html")
    with ExitStack() as stack:
        origins = [f"http://127.0.0.1:{stack.enter_context(scripted_server(ANY=page))}" for _ in range(2)]
        api = stack.enter_context(programs(settings, CORS_ORIGINS=origins[0]).web())
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = stack.enter_context(chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS))
        pages = [browser.new_page() for _ in origins]
        for page_, origin in zip(pages, origins, strict=True):
            page_.goto(origin)
        yield World(api, *pages)


def is_blocked(page: Page, script: str, argument: Any) -> bool:
    """Return whether the browser withholds the response from the page."""
    try:
        page.evaluate(script, argument)
    except Error as error:
        return "Failed to fetch" in str(error)
    return False


def test_page_from_an_allowed_origin_can_use_the_api(world: World) -> None:
    assert world.allowed.evaluate(REGISTER_AND_CREATE, [world.api, ACCOUNT]) == [201, "Engines", "from-a-page"]
    assert world.allowed.evaluate(DELETE_UNKNOWN_PATH, world.api) == [404, "not-found"]
    assert world.allowed.evaluate(READ_HEALTH, [world.api, {}]) == 200


def test_page_from_an_origin_that_is_not_allowed_cannot_read_responses(world: World) -> None:
    assert is_blocked(world.foreign, READ_HEALTH, [world.api, {}])
    assert is_blocked(world.foreign, DELETE_UNKNOWN_PATH, world.api)
    assert is_blocked(world.foreign, REGISTER_AND_CREATE, [world.api, ACCOUNT])


def test_page_cannot_embed_responses_in_no_cors_mode(world: World) -> None:
    """Cross-Origin-Resource-Policy blocks `no-cors` requests, such as those for images, from every other origin."""
    assert is_blocked(world.foreign, READ_HEALTH, [world.api, {"mode": "no-cors"}])
    assert is_blocked(world.allowed, READ_HEALTH, [world.api, {"mode": "no-cors"}])
