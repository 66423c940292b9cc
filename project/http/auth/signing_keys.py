"""The keys for access tokens. Key ids are RFC 7638 thumbprints. Other services verify tokens with the public keys."""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from flask import Flask, current_app
from jwt.algorithms import OKPAlgorithm

from project.config import InvalidSettings, Settings

# Other services may cache the public keys for this long.
JWKS_MAX_AGE_SECONDS = 300


class SigningKeys:
    """The keys for access tokens. One key signs tokens; all keys verify them."""

    def __init__(self, private: tuple[Ed25519PrivateKey, ...], signing_kid: str) -> None:
        """Raise InvalidSettings if no key has the id `signing_kid`. If `signing_kid` is empty, the first key signs."""
        self.private = {_thumbprint(key.public_key()): key for key in private}
        self.public = {kid: key.public_key() for kid, key in self.private.items()}
        self.signing_kid = signing_kid or next(iter(self.private))
        if self.signing_kid not in self.private:
            raise InvalidSettings(f"JWT_SIGNING_KEY: must be one of {', '.join(self.private)}")

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517)."""
        return {"keys": [{**_jwk(key), "kid": kid, "use": "sig", "alg": "EdDSA"} for kid, key in self.public.items()]}


def init_app(app: Flask, settings: Settings) -> None:
    """Load the keys from the settings. Raises InvalidSettings."""
    app.extensions["keys"] = SigningKeys(settings.jwt_keys, settings.jwt_signing_key)


def current() -> SigningKeys:
    """Return the keys of the current application."""
    return cast(SigningKeys, current_app.extensions["keys"])


def _jwk(key: Ed25519PublicKey) -> dict[str, Any]:
    return OKPAlgorithm.to_jwk(key, as_dict=True)


def _thumbprint(key: Ed25519PublicKey) -> str:
    required = {name: value for name, value in _jwk(key).items() if name in ("crv", "kty", "x")}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")
