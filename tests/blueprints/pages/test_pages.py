"""Pages hold without inline code, lead somewhere, and serve nothing but their own assets."""

import json
import shlex
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from project.http.responses.problems import catalog
from tests.blueprints.pages.page_parser import Page
from tests.kit.clients.api import Api, problem

PAGES = ("/", "/docs", "/problems", "/problems/not-found", "/invitation", "/dev/mail")
STATIC = Path(__file__).parents[3] / "project/blueprints/pages/static"


@pytest.mark.parametrize("path", PAGES)
def test_page_is_html_under_the_strict_policy(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_script_or_style(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path).text)
    assert page.inline == []
    for _tag, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", PAGES)
def test_page_needs_nothing_that_is_not_here(client: FlaskClient, path: str) -> None:
    addresses = Page(client.get(path).text).addresses()
    assert addresses
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address, buffered=True).status_code in {200, 503}, address


def test_home_page_links_to_what_there_is(client: FlaskClient) -> None:
    expected = {"/docs", "/health/ready", "/dev/mail", "/problems", "/api/v1/openapi.json"}
    assert expected <= Page(client.get("/").text).addresses()


def test_command_on_home_page_registers_an_account(api: Api) -> None:
    command = Page(api.client.get("/").text).command.replace("\\\n", "")
    _curl, url, _h, header, _d, body = shlex.split(command)
    name, _, value = header.partition(": ")
    answer = api.client.post(url, data=body, headers={name: value})
    assert (answer.status_code, answer.json["email"]) == (201, "ada@example.com")


def test_problems_lists_every_code(client: FlaskClient) -> None:
    addresses = Page(client.get("/problems").text).addresses()
    assert {f"/problems/{code}" for code in catalog()} <= addresses


def test_page_of_a_problem_says_cause_and_remedy(client: FlaskClient) -> None:
    page = client.get("/problems/payload-too-large").text
    for text in ("413", "Payload too large", "larger than this route takes", "Send less at once."):
        assert text in page


def test_type_of_a_problem_leads_to_its_page(client: FlaskClient) -> None:
    body = problem(client.get("/nowhere"), 404, "not-found")
    assert body["title"] in client.get(body["type"]).text


def test_problem_that_does_not_exist_is_not_found(client: FlaskClient) -> None:
    problem(client.get("/problems/nonsense"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.css",
        "/static/../routes.py",
        "/static/%2e%2e/routes.py",
        "/static/..%2froutes.py",
        "/static/..%5croutes.py",
        "/static//etc/passwd",
        "/docs/swagger-ui.js",
        "/docs/../flask_swagger_ui.py",
    ],
)
def test_only_assets_are_served(client: FlaskClient, path: str) -> None:
    assert client.get(path, follow_redirects=True).status_code == 404


@pytest.mark.parametrize("path", ["/static/style.css", "/docs/swagger-ui.css"])
def test_asset_that_a_browser_has_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path, buffered=True)
    assert first.headers["Cache-Control"] in {"no-cache", "public, max-age=86400"}
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")


def test_scripts_never_make_html_of_text() -> None:
    for script in STATIC.glob("*.js"):
        for maker in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "localStorage"):
            assert maker not in script.read_text(), script.name


def test_documentation_is_of_the_document_here(client: FlaskClient) -> None:
    [place] = [a for _, a in Page(client.get("/docs").text).elements if a.get("id") == "swagger-ui"]
    document = json.loads(client.get(place["data-document"] or "").text)
    assert document["openapi"].startswith("3.1")
