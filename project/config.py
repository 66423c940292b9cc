"""Every setting: read once from the environment, typed and validated, one clear line per mistake."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self, cast
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import current_app
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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
_PEM_END = "-----END PRIVATE KEY-----"


class InvalidSettings(SystemExit):
    """The environment does not make a safe configuration; a line says so for each mistake.

    A SystemExit, so that no entry point can start in spite of it, and none prints a traceback.
    """


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _pem_keys(value: object) -> object:
    """Ed25519 private keys from PEM blocks one after the other; a platform may have escaped the newlines."""
    if not isinstance(value, str):
        return value
    blocks = [block + _PEM_END for block in value.replace("\\n", "\n").split(_PEM_END) if block.strip()]
    return tuple(_ed25519(block.strip().encode()) for block in blocks)


def _ed25519(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("every key must be an Ed25519 private key in PEM (PKCS #8)")
    return key


def _without_slash(value: object) -> object:
    return value.rstrip("/") if isinstance(value, str) else value


PublicUrl = Annotated[str, BeforeValidator(_without_slash), Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
Seconds = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]


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
    jwt_keys: Annotated[tuple[Ed25519PrivateKey, ...], NoDecode, BeforeValidator(_pem_keys)] = Field(
        (),
        repr=False,
        description="Ed25519 private keys in PEM, one after the other: all verify access tokens.",
    )
    jwt_signing_key: str = Field("", description="`kid` of the key that signs; the first one, unless named.")
    trusted_proxies: int = Field(0, ge=0, le=10, description="Number of proxies in front that set `X-Forwarded-*`.")
    web_concurrency: int = Field(2, ge=1, le=64, description="Web processes.")
    web_threads: int = Field(4, ge=1, le=64, description="Threads of each web process, and its database connections.")
    log_format: Literal["console", "json"] = Field("console", description="How a log line is written.")

    access_token_seconds: Seconds = Field(10 * _MINUTE, description="Life of an access token.")
    session_idle_seconds: Seconds = Field(
        30 * _DAY, description="A session ends when it was not refreshed for so long."
    )
    session_seconds: Seconds = Field(180 * _DAY, description="A session ends after so long in any case.")
    refresh_grace_seconds: int = Field(
        10, ge=0, description="How long a refresh token that was just replaced still gets its successor."
    )
    invitation_seconds: Seconds = Field(7 * _DAY, description="Life of an invitation.")
    max_json_bytes: Bytes = Field(1_000_000, description="Largest JSON body.")
    max_file_bytes: Bytes = Field(1024**3, description="Largest file.")
    max_image_pixels: int = Field(
        40_000_000, ge=1, description="Larger images get no thumbnails; the worker needs up to 16 bytes for each pixel."
    )
    allowed_content_types: Words = Field(ALLOWED_CONTENT_TYPES, description="Types of content that are taken.")
    upload_seconds: Seconds = Field(_DAY, description="An upload that has not ended by then is swept away.")
    trash_seconds: Seconds = Field(30 * _DAY, description="How long a deleted file can be had back.")
    job_attempts: int = Field(8, ge=1, description="After so many attempts a job rests as a dead letter.")
    job_time_limit_seconds: Seconds = Field(2 * _MINUTE, description="A task that runs longer is ended.")
    job_backoff_seconds: Seconds = Field(2, description="Wait before the second attempt; it doubles from there.")
    job_republish_seconds: Seconds = Field(30, description="A job nobody took by then is handed over again.")
    sweep_seconds: Seconds = Field(5, description="How often jobs that were not handed over are looked for.")

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
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


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
