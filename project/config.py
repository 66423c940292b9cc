"""All settings, read from the environment, typed and validated. Each mistake is reported on one line."""

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

from project.setting_types import (
    Bytes,
    CommaSeparated,
    Hosts,
    Origins,
    PemKeys,
    PerMinute,
    PublicUrl,
    Seconds,
    host_of_url,
)

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class InvalidSettings(SystemExit):
    """The configuration is invalid or unsafe. The message has one line per mistake.

    It is a SystemExit, so every entry point prints the message and exits without a traceback.
    """


class Settings(BaseSettings):
    """The settings of a process. Each field is read from the environment variable of the same name in upper case."""

    model_config = SettingsConfigDict(
        frozen=True,
        arbitrary_types_allowed=True,
        validate_default=True,
        validate_by_name=True,
        env_ignore_empty=True,
    )

    app_env: Literal["production", "development"] = Field(
        "production",
        description="In `production`, unsafe settings and missing required settings are errors. "
        "In `development`, backends default to the local ones.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port that the web process listens on.")
    data_dir: Path = Field(Path("var"), description="Directory for the data of the local backends.")
    public_url: PublicUrl = Field(
        "",
        description="Public base URL of the service. Used in responses, in access tokens (`iss`, `aud`) and, by "
        "default, in email links.",
    )
    frontend_url: PublicUrl = Field(
        "",
        description="Base URL of the links in emails, for products with their own front end. Defaults to PUBLIC_URL.",
    )
    database_url: str = Field("", repr=False, description="`sqlite:///…`, `postgres://…` or `postgresql://…`.")
    broker_url: str = Field(
        "",
        repr=False,
        validation_alias=AliasChoices("BROKER_URL", "REDIS_URL", "CLOUDAMQP_URL"),
        description="`file://…` (local), `redis://…`, `rediss://…`, `amqp://…` or `amqps://…`. "
        "Falls back to `REDIS_URL`, then `CLOUDAMQP_URL`.",
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
        "", description="`From` address of every email. Defaults to `no-reply` at the host of PUBLIC_URL."
    )
    secret_key: CommaSeparated = Field(
        (),
        repr=False,
        description="Comma-separated keys that sign refresh tokens, invitation tokens, cursors and `ETag`s. "
        "The first key signs; all keys verify.",
    )
    jwt_keys: PemKeys = Field(
        (),
        repr=False,
        description="Ed25519 private keys in PEM format, concatenated. All keys verify access tokens. "
        "`flask keys` rotates them.",
    )
    jwt_signing_key: str = Field(
        "", description="`kid` of the key that signs access tokens. Defaults to the first key."
    )
    trusted_hosts: Hosts = Field(
        (), description="Host names allowed in `Host`. Defaults to the host of PUBLIC_URL and the loopback names."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Number of reverse proxies in front of the service that set `X-Forwarded-*` headers.",
    )
    cors_origins: Origins = Field(
        (),
        description="Origins allowed to call the API from a browser, such as `https://app.example.com`.",
    )
    refresh_cookie_enabled: bool = Field(
        False,
        description="Whether pages from PUBLIC_URL and CORS_ORIGINS may keep their refresh tokens in a cookie.",
    )
    rate_limit_url: str = Field(
        "memory://",
        repr=False,
        validation_alias=AliasChoices("RATE_LIMIT_URL", "REDIS_URL"),
        description="`redis://…`, `rediss://…` or `memory://` (each process counts separately). "
        "Falls back to `REDIS_URL`.",
    )
    rate_limit_enabled: bool = Field(True, description="Whether rate limits are enforced.")
    rate_limit_network_factor: int = Field(
        5,
        ge=1,
        description="A client's network (IPv4 /24, IPv6 /48) may send this many times the requests that each of the "
        "limits per client IP allows.",
    )
    web_concurrency: int = Field(2, ge=1, le=64, description="Number of web processes.")
    web_threads: int = Field(
        4, ge=1, le=64, description="Threads per web process, and size of its database connection pool."
    )
    keepalive_seconds: int = Field(
        95,
        ge=1,
        le=3600,
        description="How long the web process keeps an idle connection open. Must exceed the idle timeout of the "
        "reverse proxy, such as 60 on AWS or 90 on Heroku. Use 620 behind Google Cloud's load balancer.",
    )
    metrics_token: str = Field(
        "",
        repr=False,
        description="Bearer token for the web process's `/metrics` route. If unset, the route does not exist.",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port on which a worker serves its metrics, without authentication. "
        "If unset, workers do not serve metrics.",
    )
    log_format: Literal["console", "json"] = Field("console", description="Format of log lines.")

    access_token_ttl_seconds: Seconds = Field(10 * _MINUTE, description="Lifetime of an access token.")
    session_idle_timeout_seconds: Seconds = Field(
        30 * _DAY, description="A session ends if it is not refreshed for this long."
    )
    session_max_age_seconds: Seconds = Field(180 * _DAY, description="Maximum lifetime of a session.")
    session_retention_seconds: Seconds = Field(
        30 * _DAY, description="How long ended and expired sessions are kept, with their IP addresses."
    )
    unused_account_retention_seconds: Seconds = Field(
        30 * _DAY,
        description="How long an unverified account that was never logged in to is kept.",
    )
    refresh_grace_period_seconds: int = Field(
        10,
        ge=0,
        description="How long a replaced refresh token stays valid even if its successor is used, for example in "
        "another browser tab.",
    )
    # The defaults are those of the OWASP Password Storage Cheat Sheet.
    password_hash_time_cost: int = Field(2, ge=1, description="Number of Argon2id passes over the memory.")
    password_hash_memory_kib: int = Field(
        19456,
        ge=8,
        description="Memory for hashing a password with Argon2id, in KiB. Each process hashes one password at a time. "
        "If a parameter changes, each hash is upgraded at the next login.",
    )
    password_hash_parallelism: int = Field(1, ge=1, le=64, description="Number of Argon2id lanes.")
    registration_mode: Literal["open", "confirm", "closed"] = Field(
        "open",
        description="`open`: anyone may register. `confirm`: responses do not reveal whether an address has an "
        "account, and users must confirm their address before they can log in. `closed`: only invited users may "
        "register.",
    )
    email_verification_ttl_seconds: Seconds = Field(
        _DAY, description="How long the link that confirms an email address is valid."
    )
    password_reset_ttl_seconds: Seconds = Field(_HOUR, description="How long the link that resets a password is valid.")
    account_emails_per_hour: int = Field(
        5,
        ge=1,
        description="Confirmations and password resets per hour to one address. Ten times as many to all `+` "
        "subaddresses of a mailbox together.",
    )
    logins_per_minute: PerMinute = Field(100, description="Login attempts per minute and client IP.")
    registrations_per_minute: PerMinute = Field(20, description="Registration attempts per minute and client IP.")
    emailed_tokens_per_minute: PerMinute = Field(
        20, description="Requests for password resets, and uses of tokens from emails, per minute and client IP."
    )
    # Every ten minutes, each active client behind the IP address of a large office refreshes its tokens.
    refreshes_per_minute: PerMinute = Field(1000, description="Token refreshes per minute and client IP.")
    # OWASP ASVS 4.0.3, 2.2.1: at most 100 failed attempts per hour and account.
    password_attempts_per_15_minutes: int = Field(
        10,
        ge=1,
        description="Failed logins per 15 minutes and account. Also attempts to change the password or the "
        "email address per 15 minutes and user.",
    )
    invitations_per_minute: PerMinute = Field(30, description="Invitations per minute and user.")
    invitation_ttl_seconds: Seconds = Field(7 * _DAY, description="Lifetime of an invitation.")
    invitation_retention_seconds: Seconds = Field(
        30 * _DAY, description="How long expired invitations are kept, with the invited email addresses."
    )
    max_json_bytes: Bytes = Field(1_000_000, description="Maximum size of a JSON body.")
    max_file_bytes: Bytes = Field(1024**3, description="Maximum size of a file.")
    max_image_pixels: int = Field(
        40_000_000,
        ge=1,
        description="Maximum size of an image, in pixels. Larger images get no thumbnails. "
        "The worker needs up to 16 bytes of memory per pixel.",
    )
    allowed_content_types: CommaSeparated = Field(
        (),
        description="Content types allowed for uploads, from those in `project/blueprints/files/file_types.py`. "
        "If unset, all of them are allowed.",
    )
    upload_timeout_seconds: Seconds = Field(
        _DAY, description="Uploads that have not finished after this time are removed."
    )
    trash_retention_seconds: Seconds = Field(
        30 * _DAY, description="How long a deleted file stays in the trash before it is purged."
    )
    audit_retention_seconds: Seconds = Field(
        400 * _DAY, description="How long audit entries are kept, with their IP addresses."
    )
    idempotency_key_ttl_seconds: Seconds = Field(
        _DAY, description="How long the response for an idempotency key is stored."
    )
    job_max_attempts: int = Field(8, ge=1, description="Number of failed attempts after which a job is marked dead.")
    job_max_transient_attempts: int = Field(
        32, ge=1, description="Maximum attempts while a dependency, such as the mail server, is unavailable."
    )
    job_time_limit_seconds: Seconds = Field(2 * _MINUTE, description="Tasks that run longer than this are interrupted.")
    job_memory_limit_bytes: Bytes = Field(1024**3, description="Tasks that allocate more memory than this fail.")
    job_shutdown_grace_seconds: Seconds = Field(
        20, description="Shutdown grace period of a worker. Jobs still running after it are returned to the queue."
    )
    job_initial_backoff_seconds: Seconds = Field(
        2, description="Delay before the second attempt. It doubles with each further attempt."
    )
    job_republish_delay_seconds: Seconds = Field(
        30, description="A job that no worker has claimed after this time is published again."
    )
    republish_interval_seconds: Seconds = Field(
        5, description="Interval between checks for unpublished and overdue jobs."
    )
    # At least one hour, because a job that runs every hour must not be purged, and enqueued again, within that hour.
    done_job_retention_seconds: int = Field(
        7 * _DAY, ge=_HOUR, description="How long completed (`done`) jobs are kept: at least one hour."
    )
    dead_job_retention_seconds: int = Field(
        90 * _DAY, ge=_HOUR, description="How long dead jobs are kept: at least one hour."
    )

    @field_validator("public_url", mode="before")
    @classmethod
    def _public_url(cls, value: str, info: ValidationInfo) -> str:
        if not value and _is_development(info):
            return f"http://localhost:{info.data.get('port')}"
        if not value:
            raise ValueError("is required in production")
        if not _is_development(info) and value.startswith("http:") and not _is_loopback(value):
            raise ValueError("must begin with https:// in production")
        return value

    @field_validator("frontend_url", mode="before")
    @classmethod
    def _frontend_url(cls, value: str, info: ValidationInfo) -> str:
        return value or info.data.get("public_url", "http://invalid")

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str, info: ValidationInfo) -> str:
        value = _or_local_backend(value, info, "sqlite:///{}/app.db")
        for prefix in ("postgres://", "postgresql://"):
            value = value.replace(prefix, "postgresql+psycopg://", 1) if value.startswith(prefix) else value
        return _with_scheme(value, "sqlite", "postgresql+psycopg")

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: str, info: ValidationInfo) -> str:
        value = _or_local_backend(value, info, "file://{}/broker")
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
        return _with_scheme(_or_local_backend(value, info, "file://{}/files"), "file", "s3")

    @field_validator("mail_url")
    @classmethod
    def _mail_url(cls, value: str, info: ValidationInfo) -> str:
        return _with_scheme(_or_local_backend(value, info, "file://{}/mail"), "file", "smtp", "smtps")

    @field_validator("mail_sender")
    @classmethod
    def _mail_sender(cls, value: str, info: ValidationInfo) -> str:
        return value or f"Groundwork <no-reply@{urlsplit(info.data.get('public_url', '')).hostname}>"

    @field_validator("secret_key")
    @classmethod
    def _secret_key(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and not _is_development(info):
            raise ValueError("is required in production")
        if any(len(key.encode()) < 32 for key in value):
            raise ValueError("each key must have at least 32 bytes")
        return value

    @field_validator("jwt_keys")
    @classmethod
    def _jwt_keys(cls, value: tuple[Ed25519PrivateKey, ...], info: ValidationInfo) -> tuple[Ed25519PrivateKey, ...]:
        if not value and not _is_development(info):
            raise ValueError("is required in production")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _metrics_token(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9._~+/-]{16,}=*", value):
            raise ValueError("must have at least 16 characters that are valid in a bearer token (RFC 6750)")
        return value

    @property
    def host(self) -> str:
        """The IP address to listen on."""
        # In production, requests come from a reverse proxy on another host.
        return "127.0.0.1" if self.is_development else "0.0.0.0"  # noqa: S104

    @property
    def is_development(self) -> bool:
        """Whether development features, such as the mailbox page, are enabled."""
        return self.app_env == "development"

    @classmethod
    def load(cls) -> Self:
        """Return the settings from the environment. Raises InvalidSettings, which lists all mistakes at once."""
        try:
            return cls()
        except ValidationError as error:
            raise InvalidSettings("\n".join(_messages(error))) from error


def _is_development(info: ValidationInfo) -> bool:
    return info.data.get("app_env") == "development"


def _is_loopback(url: str) -> bool:
    return host_of_url(url) in _LOOPBACK


def _or_local_backend(value: str, info: ValidationInfo, template: str) -> str:
    """Return `value` or, if it is empty, the URL of the local backend. In production, it must not be empty."""
    if not value and not _is_development(info):
        raise ValueError("is required in production")
    return value or template.format(Path(info.data["data_dir"]).absolute())


def _with_scheme(url: str, *schemes: str) -> str:
    if urlsplit(url).scheme not in schemes:
        raise ValueError(f"must be a URL with one of these schemes: {', '.join(schemes)}")
    return url


def environment_name(name: str, field: FieldInfo) -> str:
    """Return the name of the environment variable for a field, or the first name if it has several."""
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def _messages(error: ValidationError) -> Iterable[str]:
    for mistake in error.errors(include_url=False, include_input=False):
        yield f"{str(mistake['loc'][0]).upper()}: {mistake['msg'].removeprefix('Value error, ')}"


def current_settings() -> Settings:
    """Return the settings of the current application."""
    return cast(Settings, current_app.extensions["settings"])
