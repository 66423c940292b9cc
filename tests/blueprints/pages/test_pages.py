"""Pages work without inline code or external URLs, and only assets are served as static files."""

import json
import shlex
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from project.http.responses.problems import catalog
from tests.blueprints.pages.page_parser import Page
from tests.kit.clients.api import Api, problem

PAGES = (
    *("/", "/docs", "/problems", "/problems/not-found", "/invitation", "/verify-email", "/reset-password"),
    "/dev/mail",
)
STATIC = Path(__file__).parents[3] / "project/blueprints/pages/static"


@pytest.mark.parametrize("path", PAGES)
def test_page_has_strict_content_security_policy(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_script_or_style(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path).text)
    assert page.inline == []
    for _tag, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", PAGES)
def test_all_urls_on_page_are_local_and_work(client: FlaskClient, path: str) -> None:
    urls = Page(client.get(path).text).urls()
    assert urls
    for url in urls:
        assert url.startswith(("/", "http://localhost:8000/"))
        assert client.get(url, buffered=True).status_code in {200, 503}, url


def test_home_page_links_to_all_entry_points(client: FlaskClient) -> None:
    expected = {"/docs", "/health/ready", "/dev/mail", "/problems", "/api/v1/openapi.json"}
    assert expected <= Page(client.get("/").text).urls()


def test_command_on_home_page_registers_an_account(api: Api) -> None:
    command = Page(api.client.get("/").text).command.replace("\\\n", "")
    _curl, url, _h, header, _d, body = shlex.split(command)
    name, _, value = header.partition(": ")
    response = api.client.post(url, data=body, headers={name: value})
    assert (response.status_code, response.json["email"]) == (201, "ada@example.com")


def test_problem_list_links_to_every_problem_page(client: FlaskClient) -> None:
    urls = Page(client.get("/problems").text).urls()
    assert {f"/problems/{code}" for code in catalog()} <= urls


def test_problem_page_shows_cause_and_remedy(client: FlaskClient) -> None:
    page = client.get("/problems/payload-too-large").text
    for text in ("413", "Payload too large", "The request body is too large.", "Send a smaller body."):
        assert text in page


def test_problem_type_links_to_its_page(client: FlaskClient) -> None:
    body = problem(client.get("/nowhere"), 404, "not-found")
    assert body["title"] in client.get(body["type"]).text


def test_page_of_unknown_problem_is_not_found(client: FlaskClient) -> None:
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
def test_path_that_is_not_an_asset_returns_404(client: FlaskClient, path: str) -> None:
    assert client.get(path, follow_redirects=True).status_code == 404


@pytest.mark.parametrize("path", ["/static/style.css", "/docs/swagger-ui.css"])
def test_asset_with_matching_if_none_match_returns_304(client: FlaskClient, path: str) -> None:
    first = client.get(path, buffered=True)
    assert first.headers["Cache-Control"] in {"no-cache", "public, max-age=86400"}
    cached = client.get(path, headers={"If-None-Match": first.headers["ETag"]}, buffered=True)
    assert (cached.status_code, cached.data) == (304, b"")


def test_scripts_use_no_unsafe_browser_apis() -> None:
    for script in STATIC.glob("*.js"):
        for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "localStorage"):
            assert unsafe not in script.read_text(), script.name


def test_docs_page_loads_openapi_document(client: FlaskClient) -> None:
    [container] = [
        attributes for _, attributes in Page(client.get("/docs").text).elements if attributes.get("id") == "swagger-ui"
    ]
    document = json.loads(client.get(container["data-document"] or "").text)
    assert document["openapi"].startswith("3.1")
