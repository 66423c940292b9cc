"""Parses storage URLs. No error message repeats any part of the URL, since it contains a secret."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# A bucket name must not look like an IP address, and must not contain a dot next to another dot or a hyphen.
_BUCKET = re.compile(r"(?![0-9.]+$)(?!.*(\.\.|\.-|-\.))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")


@dataclass(frozen=True)
class Bucket:
    """A bucket, its endpoint and its credentials."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    secure: bool
    region: str | None


def scheme_of(url: str) -> str:
    """Return `file` or `s3`. Raises ValueError for any other scheme."""
    scheme = url.partition("://")[0]
    if scheme not in {"file", "s3"}:
        raise ValueError("a storage URL must start with file:// or s3://")
    return scheme


def parse_directory(url: str) -> Path:
    """Return the folder of a `file:///absolute/folder` URL. Raises ValueError."""
    parts = _split(url)
    path = unquote(parts.path)
    if parts.netloc or parts.query or not path.strip("/") or "\0" in path:
        raise ValueError("a file URL must have three slashes and an absolute path: file:///absolute/folder")
    return Path(path)


def parse_bucket(url: str) -> Bucket:
    """Return the bucket of an `s3://KEY:SECRET@HOST:PORT/BUCKET?secure=true&region=…` URL. Raises ValueError."""
    parts = _split(url)
    options = _options(parts.query)
    if not parts.username or not parts.password:
        raise ValueError("an s3 URL needs KEY:SECRET@ before the host, both percent-encoded")
    return Bucket(
        name=_bucket_name(parts.path),
        endpoint=_endpoint(parts),
        access_key=unquote(parts.username),
        secret_key=unquote(parts.password),
        secure=options.get("secure", "true") == "true",
        region=options.get("region"),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            raise ValueError
    except ValueError:
        raise ValueError(
            "the host or port of a storage URL is invalid; percent-encode any special characters in KEY and SECRET"
        ) from None
    if parts.fragment:
        raise ValueError("a storage URL must not contain #; percent-encode it as %23")
    return parts


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options.keys() - {"secure", "region"}:
        raise ValueError("an s3 URL accepts only the options secure and region")
    if options.get("secure", "true") not in {"true", "false"}:
        raise ValueError("the secure option of an s3 URL must be true or false")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", options.get("region", "x")):
        raise ValueError("the region option of an s3 URL must be a name such as eu-central-1")
    return options


def _bucket_name(path: str) -> str:
    name = unquote(path).removeprefix("/")
    if not _BUCKET.fullmatch(name):
        raise ValueError("an s3 URL must end with a bucket name: 3 to 63 lowercase letters, digits, dots and hyphens")
    return name


def _endpoint(parts: SplitResult) -> str:
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("an s3 URL needs a host: a name or an IP address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port}" if parts.port else host
