"""The example in docs/sessions.md, with which another service verifies access tokens."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from project.http.auth.signing_keys import SigningKeys
from tests.kit.clients.api import Api
from tests.kit.fixtures.shared_app import shared_application
from tests.kit.servers.scripted_http import reply, scripted_server

DOCUMENT = Path(__file__).parents[3] / "docs" / "sessions.md"
[EXAMPLE] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
KEY, UNKNOWN_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
KEYS = SigningKeys((KEY,), "")
CLAIMS = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "client_id", "sid")


@dataclass(frozen=True)
class World:
    """The function from the document, and the access token of a user, which it accepts."""

    verify: Callable[[str], dict[str, Any]]
    token: str

    def forge(self, key: Any = KEY, algorithm: str = "EdDSA", **changes: Any) -> str:
        """Return the token signed again, with changed claims or headers. A value of `None` removes a claim."""
        claims = jwt.decode(self.token, options={"verify_signature": False})
        headers = {"kid": changes.pop("kid", KEYS.signing_kid), "typ": changes.pop("typ", "at+jwt")}
        kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(kept, key, algorithm, headers=headers)


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    keys = reply(json.dumps(KEYS.jwks()).encode(), Content_Type="application/json")
    with scripted_server(ANY=keys) as port:
        issuer, names = f"http://127.0.0.1:{port}", dict[str, Any]()
        exec(EXAMPLE.replace("https://api.example.com", issuer), names)
        with shared_application(sqlite_template, tmp_path_factory, public_url=issuer, jwt_keys=(KEY,)) as app:
            token = Api(app.test_client()).as_new_user().tokens["access_token"]
        yield World(names["verify"], token)


def seconds_ago(seconds: float) -> dict[str, float]:
    return {"exp": time.time() - seconds}


def test_example_returns_the_claims_of_an_access_token(world: World) -> None:
    assert set(world.verify(world.token)) >= set(CLAIMS)
    assert world.verify(world.forge(**seconds_ago(25)))


@pytest.mark.parametrize("claim", CLAIMS)
def test_example_requires_each_claim(world: World, claim: str) -> None:
    with pytest.raises(jwt.MissingRequiredClaimError, match=claim):
        world.verify(world.forge(**{claim: None}))


FORGED = {
    "expired": seconds_ago(36),
    "other-issuer": {"iss": "https://evil.example"},
    "other-audience": {"aud": "https://evil.example"},
    "other-type": {"typ": "JWT"},
    "unknown-key-id": {"kid": "unknown", "key": UNKNOWN_KEY},
    "other-key": {"key": UNKNOWN_KEY},
    "no-signature": {"key": None, "algorithm": "none"},
    "public-key-as-secret": {"key": PUBLIC_KEY, "algorithm": "HS256"},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_example_rejects_forged_token(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(jwt.PyJWTError):
        world.verify(world.forge(**changes))


def test_example_rejects_a_list_of_audiences(world: World) -> None:
    audience = jwt.decode(world.token, options={"verify_signature": False})["aud"]
    with pytest.raises(jwt.InvalidAudienceError):
        world.verify(world.forge(aud=[audience, "https://evil.example"]))
