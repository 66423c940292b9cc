"""CORS as a real browser judges it: a page on one port calls the API on another."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Error, Page, sync_playwright

from project.config import Settings
from tests.kit.deployment.programs import programs
from tests.kit.servers.scripted_http import reply, server_answering

pytestmark = [pytest.mark.full, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
ACCOUNT = {"email": "ada@example.com", "password": "seven unlikely herons"}
SIGN_UP_AND_CREATE = """
async ([api, account]) => {
  const post = (path, body, headers) => fetch(`${api}/api/v1${path}`, {
    method: "POST", headers: {"Content-Type": "application/json", ...headers}, body: JSON.stringify(body),
  });
  await post("/auth/register", account);
  const tokens = await (await post("/auth/login", account)).json();
  const answer = await post("/organizations", {name: "Engines"}, {
    "Authorization": `Bearer ${tokens.access_token}`,
    "Idempotency-Key": "from-a-page",
    "X-Request-ID": "from-a-page",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  });
  return [answer.status, (await answer.json()).name, answer.headers.get("X-Request-ID")];
}
"""
DELETE_NOTHING = """
async (api) => {
  const answer = await fetch(`${api}/api/v1/nowhere`, {method: "DELETE"});
  return [answer.status, (await answer.json()).code];
}
"""
READ = """
async ([api, options]) => (await fetch(`${api}/health/live`, options)).status
"""


@dataclass(frozen=True)
class World:
    """An API, a page of the origin that it lists, and a page of another."""

    api: str
    listed: Page
    foreign: Page


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    page = reply(b"<!doctype html><title>A front end</title>", Content_Type="text/html")
    with ExitStack() as stack:
        origins = [f"http://127.0.0.1:{stack.enter_context(server_answering(ANY=page))}" for _ in range(2)]
        api = stack.enter_context(programs(settings, CORS_ORIGINS=origins[0]).web())
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = stack.enter_context(chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS))
        pages = [browser.new_page() for _ in origins]
        for page_, origin in zip(pages, origins, strict=True):
            page_.goto(origin)
        yield World(api, *pages)


def is_blocked(page: Page, script: str, argument: Any) -> bool:
    """Whether the browser keeps the answer from the page."""
    try:
        page.evaluate(script, argument)
    except Error as error:
        return "Failed to fetch" in str(error)
    return False


def test_page_of_a_listed_origin_does_all_that_clients_do(world: World) -> None:
    assert world.listed.evaluate(SIGN_UP_AND_CREATE, [world.api, ACCOUNT]) == [201, "Engines", "from-a-page"]
    assert world.listed.evaluate(DELETE_NOTHING, world.api) == [404, "not-found"]
    assert world.listed.evaluate(READ, [world.api, {}]) == 200


def test_page_of_another_origin_reads_nothing(world: World) -> None:
    assert is_blocked(world.foreign, READ, [world.api, {}])
    assert is_blocked(world.foreign, DELETE_NOTHING, world.api)
    assert is_blocked(world.foreign, SIGN_UP_AND_CREATE, [world.api, ACCOUNT])


def test_no_page_elsewhere_embeds_an_answer_without_asking(world: World) -> None:
    """Cross-Origin-Resource-Policy: what is asked for without CORS, as images are, stays with our own pages."""
    assert is_blocked(world.foreign, READ, [world.api, {"mode": "no-cors"}])
    assert is_blocked(world.listed, READ, [world.api, {"mode": "no-cors"}])
