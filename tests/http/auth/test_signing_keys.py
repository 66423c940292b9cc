"""Signing keys for access tokens: one key signs, all configured keys verify, and public keys are published."""

from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from project.app import create_app
from project.config import InvalidSettings, Settings
from project.http.auth.signing_keys import SigningKeys
from project.infrastructure.database import db
from tests.kit.clients.api import Api, problem

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
Serve = Callable[..., Api]


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """A function that creates an application with the given keys and a shared database, and returns a client for it."""
    apps: list[Flask] = []

    def start(*keys: Ed25519PrivateKey, signing: str = "") -> Api:
        apps.append(create_app(settings.model_copy(update={"jwt_keys": keys, "jwt_signing_key": signing})))
        return Api(apps[-1].test_client())

    yield start
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def kid(key: Ed25519PrivateKey) -> str:
    return SigningKeys((key,), "").signing_kid


def kid_of_token(api: Api) -> str:
    """Return the ID of the key that signed the client's access token."""
    return str(jwt.get_unverified_header(api.tokens["access_token"])["kid"])


def test_published_keys_verify_a_real_token(ada: Api) -> None:
    token = ada.tokens["access_token"]
    published = {key["kid"]: jwt.PyJWK(key) for key in ada.client.get("/.well-known/jwks.json").json["keys"]}
    key = published[kid_of_token(ada)]
    claims = jwt.decode(token, key, ["EdDSA"], audience="http://localhost:8000", issuer="http://localhost:8000")
    assert (claims["sub"], claims["sid"]) == (ada.user["id"], ada.tokens["session_id"])


def test_only_public_key_parameters_are_published(ada: Api) -> None:
    response = ada.client.get("/.well-known/jwks.json")
    assert [set(key) for key in response.json["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]


def test_published_keys_may_be_cached_for_five_minutes_and_revalidated(api: Api) -> None:
    response = api.client.get("/.well-known/jwks.json")
    unchanged = api.client.get("/.well-known/jwks.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (response.status_code, unchanged.status_code) == (200, 304)
    assert {each.headers["Cache-Control"] for each in (response, unchanged)} == {"public, max-age=300"}


@ON_SQLITE
def test_etag_of_published_keys_changes_with_the_keys(serve: Serve) -> None:
    tags = {serve(*keys).client.get("/.well-known/jwks.json").headers["ETag"] for keys in ([OLD], [OLD, NEW])}
    assert len(tags) == 2


@ON_SQLITE
def test_first_key_signs_tokens_unless_another_signing_key_is_configured(serve: Serve) -> None:
    assert kid_of_token(serve(OLD, NEW).as_new_user()) == kid(OLD)
    assert kid_of_token(serve(OLD, NEW, signing=kid(NEW)).as_new_user()) == kid(NEW)


@ON_SQLITE
def test_every_configured_key_verifies_tokens_and_is_published(serve: Serve) -> None:
    ada = serve(OLD).as_new_user()
    both = serve(NEW, OLD)
    token = {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    assert both.get("/auth/me", headers=token).status_code == 200
    assert [key["kid"] for key in both.client.get("/.well-known/jwks.json").json["keys"]] == [kid(NEW), kid(OLD)]


@ON_SQLITE
def test_token_signed_with_removed_key_is_invalid(serve: Serve) -> None:
    ada = serve(OLD).as_new_user()
    token = {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    problem(serve(NEW).get("/auth/me", headers=token), 401, "token-invalid")


@ON_SQLITE
def test_token_signed_with_a_key_that_does_not_match_its_kid_is_invalid(serve: Serve) -> None:
    ada = serve(OLD, NEW).as_new_user()
    claims = jwt.decode(ada.tokens["access_token"], options={"verify_signature": False})
    token = jwt.encode(claims, NEW, "EdDSA", headers={"kid": kid(OLD), "typ": "at+jwt"})
    problem(ada.get("/auth/me", headers={"Authorization": f"Bearer {token}"}), 401, "token-invalid")


def test_unknown_signing_key_id_is_rejected_at_startup(tmp_path: Path) -> None:
    settings = Settings(app_env="development", data_dir=tmp_path, jwt_keys=(OLD,), jwt_signing_key=kid(NEW))
    with pytest.raises(InvalidSettings, match="JWT_SIGNING_KEY"):
        create_app(settings)
