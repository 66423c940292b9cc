"""Sessions: refreshing and logging out."""

from tests.kit.clients.api import Api, problem, success


def test_logout_revokes_access_and_refresh_tokens(api: Api) -> None:
    ada = api.as_new_user()
    assert ada.post("/auth/logout").status_code == 204
    problem(ada.get("/auth/me"), 401, "token-revoked")
    problem(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}), 401, "refresh-token-invalid")


def test_refresh_returns_new_tokens_for_the_same_session(api: Api) -> None:
    ada = api.as_new_user()
    pair = success(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))
    assert pair["session_id"] == ada.tokens["session_id"]
    assert pair["refresh_token"] != ada.tokens["refresh_token"]
