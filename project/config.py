"""Every setting: read once from the environment, typed and validated, one clear line per mistake."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import current_app
from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from project.setting_types import Bytes, Hosts, Origins, PemKeys, PerMinute, PublicUrl, Seconds, Words, host_of_url

ALLOWED_CONTENT_TYPES = (
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "application/pdf",
    "text/plain",
    "text/csv",
    "text/markdown",
    "application/json",
    "application/zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "audio/mpeg",
    "video/mp4",
    "video/webm",
)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class InvalidSettings(SystemExit):
    """The environment does not make a safe configuration; a line says so for each mistake.

    A SystemExit, so that no entry point can start in spite of it, and none prints a traceback.
    """


class Settings(BaseSettings):
    """What a process runs with. A field's name in capitals is its environment variable."""

    model_config = SettingsConfigDict(
        frozen=True,
        arbitrary_types_allowed=True,
        validate_default=True,
        validate_by_name=True,
        env_ignore_empty=True,
    )

    app_env: Literal["production", "development"] = Field(
        "production",
        description="`production` refuses every unsafe value; `development` fills in embedded parts.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Where web listens.")
    data_dir: Path = Field(Path("var"), description="Where embedded parts keep their data.")
    public_url: PublicUrl = Field(
        "", description="The address clients use: links in mail, `Location` and problem types come from it."
    )
    frontend_url: PublicUrl = Field(
        "", description="Where links in mail lead, when a product has its own front end; PUBLIC_URL unless set."
    )
    database_url: str = Field("", repr=False, description="`sqlite:///…`, `postgres://…` or `postgresql://…`.")
    broker_url: str = Field(
        "",
        repr=False,
        validation_alias=AliasChoices("BROKER_URL", "REDIS_URL", "CLOUDAMQP_URL"),
        description="`file://…` (embedded), `redis://…`, `rediss://…`, `amqp://…` or `amqps://…`; "
        "else `REDIS_URL` or `CLOUDAMQP_URL`.",
    )
    storage_url: str = Field(
        "",
        repr=False,
        description="`file://…` or `s3://KEY:SECRET@HOST:PORT/BUCKET?secure=true&region=…`.",
    )
    mail_url: str = Field(
        "",
        repr=False,
        description="`file://…` (a mailbox folder), `smtp://USER:PASS@HOST:587?tls=starttls` or `smtps://…`.",
    )
    mail_sender: str = Field(
        "", description="The `From` of every mail; `no-reply` at the host of PUBLIC_URL unless set."
    )
    secret_key: Words = Field(
        (),
        repr=False,
        description="Signs what is mailed and handed out; several with commas: the first signs, all verify.",
    )
    jwt_keys: PemKeys = Field(
        (),
        repr=False,
        description="Ed25519 private keys in PEM, one after the other: all verify access tokens.",
    )
    jwt_signing_key: str = Field("", description="`kid` of the key that signs; the first one, unless named.")
    trusted_hosts: Hosts = Field(
        (), description="Names that requests may give in `Host`; unless set, that of PUBLIC_URL and this machine's own."
    )
    trusted_proxies: int = Field(0, ge=0, le=10, description="Number of proxies in front that set `X-Forwarded-*`.")
    cors_origins: Origins = Field(
        (), description="Origins whose pages may call this, such as `https://app.example.com`; none unless set."
    )
    rate_limit_url: str = Field(
        "memory://",
        repr=False,
        validation_alias=AliasChoices("RATE_LIMIT_URL", "REDIS_URL"),
        description="`redis://…`, `rediss://…` or `memory://` (each process counts for itself); else `REDIS_URL`.",
    )
    rate_limit_enabled: bool = Field(True, description="Whether requests are counted and limited.")
    web_concurrency: int = Field(2, ge=1, le=64, description="Web processes.")
    web_threads: int = Field(4, ge=1, le=64, description="Threads of each web process, and its database connections.")
    metrics_token: str = Field(
        "",
        repr=False,
        description="Bearer token that `/metrics` of web asks for; unless set, there is no such path.",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Where a worker serves its metrics, to all who reach that port; nowhere unless set.",
    )
    log_format: Literal["console", "json"] = Field("console", description="How a log line is written.")

    access_token_ttl_seconds: Seconds = Field(10 * _MINUTE, description="Life of an access token.")
    session_idle_timeout_seconds: Seconds = Field(
        30 * _DAY, description="A session ends when it was not refreshed for so long."
    )
    session_max_age_seconds: Seconds = Field(180 * _DAY, description="A session ends after so long in any case.")
    refresh_grace_period_seconds: int = Field(
        10, ge=0, description="How long a refresh token that was just replaced still gets its successor."
    )
    logins_per_minute: PerMinute = Field(100, description="Attempts to log in from one address of origin.")
    registrations_per_minute: PerMinute = Field(20, description="Attempts to register from one address of origin.")
    invitation_ttl_seconds: Seconds = Field(7 * _DAY, description="Life of an invitation.")
    max_json_bytes: Bytes = Field(1_000_000, description="Largest JSON body.")
    max_file_bytes: Bytes = Field(1024**3, description="Largest file.")
    max_image_pixels: int = Field(
        40_000_000, ge=1, description="Larger images get no thumbnails; the worker needs up to 16 bytes for each pixel."
    )
    allowed_content_types: Words = Field(ALLOWED_CONTENT_TYPES, description="Types of content that are taken.")
    upload_timeout_seconds: Seconds = Field(_DAY, description="An upload that has not ended by then is swept away.")
    trash_retention_seconds: Seconds = Field(30 * _DAY, description="How long a deleted file can be had back.")
    idempotency_key_ttl_seconds: Seconds = Field(_DAY, description="How long the answer to an idempotency key is kept.")
    job_max_attempts: int = Field(8, ge=1, description="After so many failed attempts a job rests as a dead letter.")
    job_max_transient_attempts: int = Field(
        32, ge=1, description="As often it is tried while something outside, such as the mail server, is away."
    )
    job_time_limit_seconds: Seconds = Field(2 * _MINUTE, description="A task that runs longer is ended.")
    job_memory_limit_bytes: Bytes = Field(1024**3, description="A task that takes more memory fails.")
    job_shutdown_grace_seconds: Seconds = Field(
        20, description="How long a worker that must end finishes its jobs; then it gives them back."
    )
    job_initial_backoff_seconds: Seconds = Field(
        2, description="Wait before the second attempt; it doubles from there."
    )
    job_republish_delay_seconds: Seconds = Field(30, description="A job nobody took by then is handed over again.")
    republish_interval_seconds: Seconds = Field(
        5, description="How often jobs that were not handed over are looked for."
    )
    done_job_retention_seconds: Seconds = Field(7 * _DAY, description="How long a job that is done is kept.")
    dead_job_retention_seconds: Seconds = Field(90 * _DAY, description="How long a dead letter is kept.")

    @field_validator("public_url", mode="before")
    @classmethod
    def _public_url(cls, value: str, info: ValidationInfo) -> str:
        if not value and _development(info):
            return f"http://localhost:{info.data.get('port')}"
        if not value:
            raise ValueError("is required in production")
        if not _development(info) and value.startswith("http:") and not _is_loopback(value):
            raise ValueError("must begin with https:// in production")
        return value

    @field_validator("frontend_url", mode="before")
    @classmethod
    def _frontend_url(cls, value: str, info: ValidationInfo) -> str:
        return value or info.data.get("public_url", "http://invalid")

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str, info: ValidationInfo) -> str:
        value = _embedded(value, info, "sqlite:///{}/app.db")
        for prefix in ("postgres://", "postgresql://"):
            value = value.replace(prefix, "postgresql+psycopg://", 1) if value.startswith(prefix) else value
        return _with_scheme(value, "sqlite", "postgresql+psycopg")

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: str, info: ValidationInfo) -> str:
        value = _embedded(value, info, "file://{}/broker")
        return _with_scheme(value, "file", "redis", "rediss", "amqp", "amqps")

    @field_validator("rate_limit_url")
    @classmethod
    def _rate_limit_url(cls, value: str) -> str:
        return _with_scheme(value, "memory", "redis", "rediss")

    @field_validator("trusted_hosts")
    @classmethod
    def _trusted_hosts(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return value or (host_of_url(info.data.get("public_url", "")), *_LOOPBACK)

    @field_validator("storage_url")
    @classmethod
    def _storage_url(cls, value: str, info: ValidationInfo) -> str:
        return _with_scheme(_embedded(value, info, "file://{}/files"), "file", "s3")

    @field_validator("mail_url")
    @classmethod
    def _mail_url(cls, value: str, info: ValidationInfo) -> str:
        return _with_scheme(_embedded(value, info, "file://{}/mail"), "file", "smtp", "smtps")

    @field_validator("mail_sender")
    @classmethod
    def _mail_sender(cls, value: str, info: ValidationInfo) -> str:
        return value or f"Groundwork <no-reply@{urlsplit(info.data.get('public_url', '')).hostname}>"

    @field_validator("secret_key")
    @classmethod
    def _secret_key(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and not _development(info):
            raise ValueError("is required in production")
        if any(len(key.encode()) < 32 for key in value):
            raise ValueError("each key must have at least 32 bytes")
        return value

    @field_validator("jwt_keys")
    @classmethod
    def _jwt_keys(cls, value: tuple[Ed25519PrivateKey, ...], info: ValidationInfo) -> tuple[Ed25519PrivateKey, ...]:
        if not value and not _development(info):
            raise ValueError("is required in production")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _metrics_token(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,}=*", value):
            raise ValueError("must have at least 16 characters, all of them such as a bearer token has (RFC 6750)")
        return value

    @property
    def host(self) -> str:
        """The address to listen on."""
        # Of a platform, the router comes from outside.
        return "127.0.0.1" if self.is_development else "0.0.0.0"  # noqa: S104

    @property
    def is_development(self) -> bool:
        """Whether development conveniences, such as the mailbox page, are on."""
        return self.app_env == "development"

    @classmethod
    def load(cls) -> Self:
        """Settings from the environment. Raises InvalidSettings, which names every mistake at once."""
        try:
            return cls()
        except ValidationError as error:
            raise InvalidSettings("\n".join(_lines(error))) from error


def _development(info: ValidationInfo) -> bool:
    return info.data.get("app_env") == "development"


def _is_loopback(url: str) -> bool:
    return host_of_url(url) in _LOOPBACK


def _embedded(value: str, info: ValidationInfo, template: str) -> str:
    """`value`, or in development the embedded part in DATA_DIR."""
    if not value and not _development(info):
        raise ValueError("is required in production")
    return value or template.format(Path(info.data["data_dir"]).absolute())


def _with_scheme(url: str, *schemes: str) -> str:
    if urlsplit(url).scheme not in schemes:
        raise ValueError(f"must be a URL that begins with one of: {', '.join(schemes)}")
    return url


def environment_name(name: str, field: FieldInfo) -> str:
    """The variable that sets a field; the first one, where several do."""
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def _lines(error: ValidationError) -> Iterable[str]:
    for mistake in error.errors(include_url=False, include_input=False):
        yield f"{str(mistake['loc'][0]).upper()}: {mistake['msg'].removeprefix('Value error, ')}"


def current_settings() -> Settings:
    """The settings of the application that is at work."""
    return cast(Settings, current_app.extensions["settings"])
