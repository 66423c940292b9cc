"""Types of settings, which parse and validate the values of environment variables."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

_PEM_END = "-----END PRIVATE KEY-----"
_HOST = r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _each(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda values: tuple(check(value) for value in values))


def _host(value: str) -> str:
    if not re.fullmatch(_HOST, value.lower()):
        raise ValueError("each must be the name of a host without a port, such as api.example.com")
    return value.lower()


def _origin(value: str) -> str:
    # `Origin` headers are compared as strings, so an origin that browsers would write differently never matches.
    if not re.fullmatch(rf"[a-z][a-z0-9+.-]*://{_HOST}(:[0-9]{{1,5}})?", value) or _names_default_port(value):
        raise ValueError("each must be an origin as browsers write it, such as https://app.example.com")
    return value


def _names_default_port(url: str) -> bool:
    parts = urlsplit(url)
    return parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme)


def _pem_keys(value: object) -> object:
    """Return the Ed25519 private keys in concatenated PEM blocks. Newlines may be escaped as `\\n`.

    Quotes around the value are removed: some platforms do not remove those of a pasted line, such as `JWT_KEYS='…'`.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\\n", "\n").strip().strip("'\"")
    blocks = [block + _PEM_END for block in text.split(_PEM_END) if block.strip()]
    return tuple(_ed25519(block.strip().encode()) for block in blocks)


def _ed25519(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("each key must be an Ed25519 private key in PEM format (PKCS #8)")
    return key


def _without_slash(value: object) -> object:
    return value.rstrip("/") if isinstance(value, str) else value


PublicUrl = Annotated[str, BeforeValidator(_without_slash), Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Hosts = Annotated[CommaSeparated, _each(_host)]
Origins = Annotated[CommaSeparated, _each(_origin)]
PemKeys = Annotated[tuple[Ed25519PrivateKey, ...], NoDecode, BeforeValidator(_pem_keys)]
Seconds = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]
PerMinute = Annotated[int, Field(ge=1)]


def pem_text(keys: Iterable[Ed25519PrivateKey]) -> str:
    """Return private keys as concatenated PEM blocks."""
    return "".join(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for key in keys)


def host_of(netloc: str) -> str:
    """Return the host of `host:port` in lower case. IPv6 addresses keep their brackets."""
    return re.sub(r":[0-9]*$", "", netloc).lower()


def host_of_url(url: str) -> str:
    """Return the host of a URL in lower case."""
    return host_of(urlsplit(url).netloc)


def origin_of_url(url: str) -> str:
    """Return the origin of a URL as browsers write it."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    return origin.rpartition(":")[0] if _names_default_port(url) else origin
