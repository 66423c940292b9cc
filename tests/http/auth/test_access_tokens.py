"""Access tokens: the application accepts only tokens in exactly the form that it issues."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from werkzeug.test import TestResponse

from project.http.auth.signing_keys import SigningKeys
from tests.kit.clients.api import Api, problem, success

CLAIMS = ["exp", "iat", "nbf", "jti", "sub", "client_id", "sid", "gen", "aud", "iss"]
ALPHABET = f"{ascii_uppercase}{ascii_lowercase}{digits}-_.~"
MISSING = ...
DAY = 86_400


class Forge:
    """Creates variants of a real token, signed with the application's key."""

    def __init__(self, app: Flask, api: Api) -> None:
        keys: SigningKeys = app.extensions["keys"]
        token = api.tokens["access_token"]
        self.key = keys.private[keys.signing_kid]
        self.header = jwt.get_unverified_header(token)
        self.claims = jwt.decode(token, options={"verify_signature": False})

    def __call__(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token with changed header parameters or claims. The value MISSING removes a parameter or claim."""
        return self.raw(_changed(self.header, header or {}), _changed(self.claims, claims))

    def raw(self, header: str, claims: str, sign: Callable[[bytes], bytes] | None = None) -> str:
        """Return a token made from JSON strings, signed with the application's key unless `sign` is given."""
        signed = f"{_base64(header.encode())}.{_base64(claims.encode())}"
        return f"{signed}.{_base64((sign or self.key.sign)(signed.encode()))}"


def _changed(members: dict[str, Any], changes: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in (members | changes).items() if value is not MISSING})


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def get_me(api: Api, token: str, scheme: str = "Bearer") -> TestResponse:
    """Request the current user with `token` and return the response."""
    return api.client.get("/api/v1/auth/me", headers={"Authorization": f"{scheme} {token}"})


@pytest.fixture(scope="module")
def forge(shared_app: Flask, ada: Api) -> Forge:
    return Forge(shared_app, ada)


def test_unchanged_token_is_accepted(ada: Api, forge: Forge) -> None:
    assert success(get_me(ada, forge()))["id"] == ada.user["id"]


def test_token_has_exactly_the_claims_of_the_profile(forge: Forge) -> None:
    assert sorted(forge.claims) == sorted(CLAIMS)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_authorization_scheme_is_case_insensitive(ada: Api, scheme: str) -> None:
    assert get_me(ada, ada.tokens["access_token"], scheme).status_code == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", None, 1, MISSING])
@pytest.mark.parametrize("signature", [b"", b"x"])
def test_unsigned_token_is_invalid(ada: Api, forge: Forge, algorithm: Any, signature: bytes) -> None:
    header = _changed(forge.header, {"alg": algorithm})
    token = forge.raw(header, json.dumps(forge.claims), lambda _signed: signature)
    problem(get_me(ada, token), 401, "token-invalid")


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER, Encoding.Raw])
def test_token_signed_with_public_key_as_hmac_secret_is_invalid(
    ada: Api, forge: Forge, algorithm: str, encoding: Encoding
) -> None:
    form = PublicFormat.Raw if encoding is Encoding.Raw else PublicFormat.SubjectPublicKeyInfo
    key = forge.key.public_key().public_bytes(encoding, form)
    header = _changed(forge.header, {"alg": algorithm})
    token = forge.raw(header, json.dumps(forge.claims), lambda signed: hmac.digest(key, signed, "sha256"))
    problem(get_me(ada, token), 401, "token-invalid")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256", "Ed448", "eddsa"])
def test_token_with_algorithm_other_than_eddsa_is_invalid(ada: Api, forge: Forge, algorithm: str) -> None:
    problem(get_me(ada, forge({"alg": algorithm})), 401, "token-invalid")


@pytest.mark.parametrize(
    "kid",
    [
        MISSING,
        None,
        "",
        1,
        [],
        {},
        "unknown",
        "../../dev/null",
        "/dev/null",
        "' OR 1=1 --",
        "\x00",
        "http://evil.example",
    ],
)
def test_token_with_unknown_key_id_is_invalid(ada: Api, forge: Forge, kid: Any) -> None:
    problem(get_me(ada, forge({"kid": kid})), 401, "token-invalid")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_key_in_token_header_is_ignored(ada: Api, forge: Forge, name: str) -> None:
    foreign = Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(foreign.public_key(), as_dict=True)
    header = _changed(forge.header, {name: jwk if name == "jwk" else "https://evil.example/keys"})
    problem(get_me(ada, forge.raw(header, json.dumps(forge.claims), foreign.sign)), 401, "token-invalid")
    assert get_me(ada, forge.raw(header, json.dumps(forge.claims))).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"typ": MISSING},
        {"typ": "JWT"},
        {"typ": "AT+JWT "},
        {"typ": 1},
    ],
    ids=repr,
)
def test_token_with_unexpected_or_missing_header_parameter_is_invalid(
    ada: Api, forge: Forge, header: dict[str, Any]
) -> None:
    problem(get_me(ada, forge(header)), 401, "token-invalid")


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("value", [MISSING, None, {}, [], True, 1e400], ids=repr)
def test_token_with_missing_claim_or_claim_of_wrong_type_is_invalid(
    ada: Api, forge: Forge, name: str, value: Any
) -> None:
    assert get_me(ada, forge(**{name: value})).status_code == 401


@pytest.mark.parametrize("name", [name for name in CLAIMS if name != "jti"])
@pytest.mark.parametrize("value", ["", "x", "\u0000"], ids=ascii)
def test_token_with_arbitrary_string_as_claim_is_invalid(ada: Api, forge: Forge, name: str, value: str) -> None:
    problem(get_me(ada, forge(**{name: value})), 401, "token-invalid")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": ["http://localhost:8000"]},
        {"aud": "http://localhost:8000/"},
        {"iss": "https://other.example"},
        {"iss": ["http://localhost:8000"]},
        {"gen": "1"},
        {"gen": 1.0},
        {"gen": True},
        {"client_id": 1},
        {"sub": "01a20472-de38-71e6-9445-d8d74c06d560"},
        {"sid": "../../etc/passwd"},
        {"sid": "' OR 1=1 --"},
        {"sid": "\u0000"},
    ],
    ids=repr,
)
def test_token_with_unexpected_claim_value_is_invalid(ada: Api, forge: Forge, claims: dict[str, Any]) -> None:
    problem(get_me(ada, forge(**claims)), 401, "token-invalid")


@pytest.mark.parametrize("exp", ["tomorrow", 10**30, float("inf"), float("nan"), 1e308, -1, 2**63], ids=repr)
def test_token_with_implausible_expiry_time_is_invalid(ada: Api, forge: Forge, exp: Any) -> None:
    expiry = time.time() + DAY if exp == "tomorrow" else exp
    assert get_me(ada, forge(exp=expiry)).status_code == 401


def test_token_issued_in_the_future_is_invalid(ada: Api, forge: Forge) -> None:
    problem(get_me(ada, forge(exp=time.time() + 700, iat=time.time() + 200)), 401, "token-invalid")


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_token_with_timestamp_as_string_is_invalid(ada: Api, forge: Forge, name: str) -> None:
    problem(get_me(ada, forge(**{name: str(forge.claims[name])})), 401, "token-invalid")


@pytest.mark.parametrize(("seconds", "status"), [(-29, 200), (-32, 401)])
def test_clock_skew_of_30_seconds_is_tolerated_after_expiry(ada: Api, forge: Forge, seconds: int, status: int) -> None:
    end = time.time() + seconds
    response = get_me(ada, forge(exp=end, iat=end - 600, nbf=end - 600))
    assert response.status_code == status
    assert status == 200 or problem(response, 401, "token-expired")


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize(("seconds", "status"), [(28, 200), (32, 401)])
def test_clock_skew_of_30_seconds_is_tolerated_before_token_becomes_valid(
    ada: Api, forge: Forge, name: str, seconds: int, status: int
) -> None:
    response = get_me(ada, forge(exp=time.time() + 300, **{name: time.time() + seconds}))
    assert response.status_code == status
    assert status == 200 or problem(response, 401, "token-invalid")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_token_with_changed_character_is_invalid(ada: Api, part: int) -> None:
    parts = ada.tokens["access_token"].split(".")
    # Change a character in the middle: the last Base64 character may contain bits that the decoder ignores.
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + chr(ord(parts[part][middle]) ^ 1) + parts[part][middle + 1 :]
    problem(get_me(ada, ".".join(parts)), 401, "token-invalid")


def test_accepted_token_is_invalid_if_any_character_changes(ada: Api, forge: Forge) -> None:
    token = forge()
    assert get_me(ada, token).status_code == 200
    for position, character in enumerate(token):
        # Change the lowest bit: in the last character, some decoders ignore it.
        neighbor = ALPHABET[ALPHABET.index(character) ^ 1]
        changed = token[:position] + neighbor + token[position + 1 :]
        problem(get_me(ada, changed), 401, "token-invalid")


@pytest.mark.parametrize("padding", ["=", "==", "==="])
def test_accepted_token_with_padding_is_invalid(ada: Api, padding: str) -> None:
    success(get_me(ada, ada.tokens["access_token"]))
    problem(get_me(ada, ada.tokens["access_token"] + padding), 401, "token-invalid")


def test_accepted_token_is_rejected_once_it_has_expired(
    ada: Api, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = forge()
    assert get_me(ada, token).status_code == 200
    expired_at = forge.claims["exp"] + 30
    for moment, status in ((expired_at - 1, 200), (expired_at, 401)):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        response = get_me(ada, token)
        assert response.status_code == status
    problem(response, 401, "token-expired")


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_accepted_token_is_invalid_while_the_clock_is_set_back(
    ada: Api, forge: Forge, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    issued_at = int(time.time())
    token = forge(**{"iat": issued_at - 200, "nbf": issued_at - 200, name: issued_at}, exp=issued_at + 60)
    for moment, status in ((issued_at, 200), (issued_at - 30, 200), (issued_at - 31, 401)):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        response = get_me(ada, token)
        assert response.status_code == status
    problem(response, 401, "token-invalid")


def test_accepted_token_is_invalid_once_its_key_is_removed(
    shared_app: Flask, ada: Api, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_me(ada, forge()).status_code == 200
    monkeypatch.setitem(shared_app.extensions, "keys", SigningKeys((Ed25519PrivateKey.generate(),), ""))
    problem(get_me(ada, forge()), 401, "token-invalid")


def test_accepted_token_is_rejected_once_its_session_has_ended(ada: Api) -> None:
    session = ada.with_new_session()
    assert session.get("/auth/me").status_code == 200
    assert session.post("/auth/logout").status_code == 204
    problem(session.get("/auth/me"), 401, "token-revoked")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "x",
        "a.b.c",
        "a.b.c.d",
        "é.é.é",
        "\x00",
        "x" * 1_000_000,
        "a=b",
        "a b",
        "e30.e30.",
        "W10.W10.W10",
    ],
    ids=lambda token: repr(token[:12]),
)
def test_malformed_token_is_invalid(ada: Api, token: str) -> None:
    problem(get_me(ada, token), 401, "token-invalid")


def test_oversized_token_with_valid_signature_is_invalid(ada: Api, forge: Forge) -> None:
    problem(get_me(ada, forge(padding="x" * 1_000_000)), 401, "token-invalid")


def test_token_is_accepted_up_to_the_maximum_length(ada: Api, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = []
    for limit in (len(forge()), len(forge()) - 1):
        monkeypatch.setattr("project.http.auth.identity._MAX_TOKEN_LENGTH", limit)
        statuses.append(get_me(ada, forge()).status_code)
    assert statuses == [200, 401]


def test_token_with_deeply_nested_claims_is_invalid(ada: Api, forge: Forge) -> None:
    problem(get_me(ada, forge.raw(json.dumps(forge.header), "[" * 2000)), 401, "token-invalid")


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Token", "JWT", ""])
def test_authorization_scheme_other_than_bearer_is_rejected(ada: Api, scheme: str) -> None:
    assert get_me(ada, ada.tokens["access_token"], scheme).status_code == 401


def test_refresh_token_is_rejected_as_access_token(ada: Api) -> None:
    problem(get_me(ada, ada.tokens["refresh_token"]), 401, "token-invalid")


def test_two_authorization_headers_are_rejected(ada: Api) -> None:
    header = ("Authorization", f"Bearer {ada.tokens['access_token']}")
    problem(ada.client.get("/api/v1/auth/me", headers=[header, header]), 401, "token-invalid")


@pytest.mark.parametrize("name", ["access_token", "token", "jwt", "authorization"])
def test_token_in_query_is_ignored(ada: Api, name: str) -> None:
    response = ada.client.get("/api/v1/auth/me", query_string={name: ada.tokens["access_token"]})
    problem(response, 401, "authentication-required")


def test_token_in_cookie_or_body_is_ignored(ada: Api) -> None:
    token = ada.tokens["access_token"]
    ada.client.set_cookie("access_token_cookie", token)
    problem(ada.client.get("/api/v1/auth/me"), 401, "authentication-required")
    problem(ada.client.post("/api/v1/auth/logout", json={"access_token": token}), 401, "authentication-required")
