"""Refresh tokens in cookies: their attributes, which requests may use them, and when they are deleted."""

from typing import Any

import pytest
from flask import Flask

from project.config import Settings
from project.http.auth.refresh_cookies import NAME
from tests.kit.clients.api import PASSWORD, Api, pointers, problem, success

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FRONT_END = "https://app.example.com"
API = "http://localhost:8000"
FROM_PAGE = {"Origin": FRONT_END, "X-Requested-With": "XMLHttpRequest"}
FOREIGN_ORIGINS = (
    "https://evil.example",
    "https://evil.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    f"{FRONT_END}, https://evil.example",
    "null",
    "",
    None,
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"refresh_cookie_enabled": True, "cors_origins": (FRONT_END,)})


@pytest.fixture
def ada(api: Api) -> Api:
    """A user who is logged in with a cookie."""
    user = api.register()
    return Api(api.client, success(log_in(api, user["email"])), user)


def log_in(api: Api, email: str, headers: dict[str, Any] = FROM_PAGE) -> Any:
    return api.post("/auth/cookie/login", {"email": email, "password": PASSWORD}, headers=headers)


def refresh(api: Api, headers: dict[str, Any] = FROM_PAGE) -> Any:
    return api.post("/auth/cookie/refresh", headers=headers)


def headers_from(origin: str | None) -> dict[str, Any]:
    return FROM_PAGE | {"Origin": origin} if origin is not None else {"X-Requested-With": "XMLHttpRequest"}


def cookie(api: Api) -> str | None:
    """Return the refresh token in the client's cookie, or `None` if it has none."""
    found = api.client.get_cookie(NAME)
    return found.value if found else None


def set_cookie(api: Api, token: str) -> None:
    api.client.set_cookie(NAME, token)


def test_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use(api: Api) -> None:
    response = log_in(api, api.register()["email"])
    [header] = response.headers.getlist("Set-Cookie")
    value, *attributes = header.split("; ")
    assert value == f"{NAME}={cookie(api)}"
    lifetime = next(part for part in attributes if part.startswith("Max-Age="))
    assert lifetime == f"Max-Age={response.json['refresh_expires_in']}"
    names = {part for part in attributes if not part.startswith(("Max-Age", "Expires"))}
    assert names == {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}


def test_refresh_token_is_not_in_the_body(ada: Api) -> None:
    for response in (refresh(ada), log_in(ada, ada.user["email"])):
        assert set(response.json) == {"access_token", "token_type", "expires_in", "refresh_expires_in", "session_id"}
        assert cookie(ada) not in response.get_data(as_text=True)


def test_refresh_replaces_the_cookie_and_returns_a_working_access_token(ada: Api) -> None:
    first = cookie(ada)
    pair = success(refresh(ada))
    assert cookie(ada) not in (None, first)
    assert success(ada.get("/auth/me", headers={"Authorization": f"Bearer {pair['access_token']}"})) == ada.user


def test_login_replaces_the_cookie_with_that_of_a_new_session(ada: Api) -> None:
    first = cookie(ada)
    session = success(log_in(ada, ada.user["email"]))
    assert (cookie(ada) == first, session["session_id"] == ada.tokens["session_id"]) == (False, False)


def test_login_ignores_the_session_in_the_presented_cookie(api: Api, ada: Api) -> None:
    """An attacker who can set the cookie cannot make the user continue the attacker's session (session fixation)."""
    eve = api.as_new_user()
    set_cookie(api, eve.tokens["refresh_token"])
    assert success(log_in(api, ada.user["email"]))["session_id"] != eve.tokens["session_id"]
    assert success(refresh(api))["session_id"] != eve.tokens["session_id"]


@pytest.mark.parametrize("origin", [FRONT_END, API])
def test_pages_of_the_api_and_of_cors_origins_may_use_the_cookie(ada: Api, origin: str) -> None:
    success(log_in(ada, ada.user["email"], headers_from(origin)))
    success(refresh(ada, headers_from(origin)))


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_other_origins_can_neither_log_in_nor_refresh(ada: Api, origin: str | None) -> None:
    before = cookie(ada)
    for response in (log_in(ada, ada.user["email"], headers_from(origin)), refresh(ada, headers_from(origin))):
        problem(response, 403, "refresh-cookie-not-allowed")
        assert "Set-Cookie" not in response.headers
    assert cookie(ada) == before
    assert success(refresh(ada))


@pytest.mark.parametrize("headers", [{"Origin": FRONT_END}, FROM_PAGE | {"X-Requested-With": "x"}])
def test_requests_without_custom_header_are_rejected(ada: Api, headers: dict[str, str]) -> None:
    before = cookie(ada)
    for response in (log_in(ada, ada.user["email"], headers), refresh(ada, headers)):
        assert pointers(problem(response, 422, "validation-failed")) == {("header", "/X-Requested-With")}
    assert cookie(ada) == before


def test_refresh_without_a_cookie_is_rejected(api: Api) -> None:
    response = refresh(api)
    problem(response, 401, "refresh-token-invalid")
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("token", ["x", "é", "x" * 4000])
def test_invalid_cookie_is_rejected_and_deleted(api: Api, token: str) -> None:
    set_cookie(api, token)
    response = refresh(api)
    problem(response, 401, "refresh-token-invalid")
    [header] = response.headers.getlist("Set-Cookie")
    assert header.startswith(f"{NAME}=; ")
    # Browsers would ignore the header without these attributes, because of the prefix of the name.
    assert {"Secure", "Path=/", "Max-Age=0"} <= set(header.split("; "))
    assert cookie(api) is None


def test_reused_cookie_ends_the_session_and_is_deleted(ada: Api) -> None:
    first = cookie(ada)
    success(refresh(ada))
    success(refresh(ada))
    set_cookie(ada, str(first))
    problem(refresh(ada), 401, "refresh-token-reused")
    assert cookie(ada) is None
    problem(ada.get("/auth/me"), 401, "token-revoked")


def test_cookie_is_kept_if_the_service_is_unavailable(ada: Api, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cookie(ada)
    monkeypatch.setattr("project.blueprints.auth.service.refresh", lambda _token: 1 / 0)
    assert refresh(ada).status_code == 500
    assert cookie(ada) == before


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-all"])
def test_logout_deletes_the_cookie(ada: Api, path: str) -> None:
    assert ada.post(path).status_code == 204
    assert cookie(ada) is None


@pytest.mark.parametrize(("path", "function"), [("/auth/logout", "log_out"), ("/auth/logout-all", "end_all_sessions")])
def test_failed_logout_keeps_the_cookie(ada: Api, monkeypatch: pytest.MonkeyPatch, path: str, function: str) -> None:
    monkeypatch.setattr(f"project.blueprints.auth.service.{function}", lambda *_args, **_options: 1 / 0)
    assert ada.post(path).status_code == 500
    assert cookie(ada) is not None


def test_logout_without_the_cookie_sets_none(api: Api) -> None:
    assert "Set-Cookie" not in api.as_new_user().post("/auth/logout").headers


def test_cookie_is_never_used_by_other_routes(ada: Api) -> None:
    problem(ada.post("/auth/refresh", {}), 422, "validation-failed")
    problem(Api(ada.client).get("/auth/me"), 401, "authentication-required")
    problem(Api(ada.client).post("/auth/logout"), 401, "authentication-required")


def test_responses_to_bearer_clients_set_no_cookie(api: Api) -> None:
    user = api.as_new_user()
    pair = api.post("/auth/refresh", {"refresh_token": user.tokens["refresh_token"]}, headers=FROM_PAGE)
    assert ("refresh_token" in success(pair), "Set-Cookie" in pair.headers) == (True, False)


def test_cookies_are_disabled_by_default(environment: Any) -> None:
    api = Api(environment.app.test_client())
    user = api.register()
    for send in (lambda: log_in(api, user["email"], headers_from(API)), lambda: refresh(api, headers_from(API))):
        problem(send(), 403, "refresh-cookie-not-allowed")
