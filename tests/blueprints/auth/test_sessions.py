"""Sessions: signing in, refreshing, signing out."""

from tests.kit.clients.api import Api, created, problem


def test_signing_out_ends_the_access_token_at_once(api: Api) -> None:
    ada = api.signed_in()
    assert ada.post("/auth/logout").status_code == 204
    problem(ada.get("/auth/me"), 401, "token-revoked")
    problem(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}), 401, "refresh-token-invalid")


def test_refreshing_answers_the_next_pair(api: Api) -> None:
    ada = api.signed_in()
    pair = created(ada.post("/auth/refresh", {"refresh_token": ada.tokens["refresh_token"]}))
    assert pair["session_id"] == ada.tokens["session_id"]
    assert pair["refresh_token"] != ada.tokens["refresh_token"]
