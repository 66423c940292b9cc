"""Settings: defaults, an error line for each mistake, rejection of unsafe values in production, and hidden secrets."""

import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from project.config import InvalidSettings, Settings
from project.infrastructure.development_secrets import with_development_secrets
from project.setting_types import origin_of_url

Load = Callable[..., Settings]
SECRET = "s" * 32


def pem(key: object) -> str:
    """Return a private key in PEM format."""
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    return text.decode()


KEY = pem(Ed25519PrivateKey.generate())
PRODUCTION = {
    "APP_ENV": "production",
    "PUBLIC_URL": "https://api.example.com",
    "DATABASE_URL": "postgres://ada:hush@db/app",
    "BROKER_URL": "redis://:hush@redis",
    "STORAGE_URL": "s3://key:hush@store/bucket",
    "MAIL_URL": "smtp://ada:hush@mail",
    "SECRET_KEY": SECRET,
    "JWT_KEYS": KEY,
}
DEVELOPMENT = {"APP_ENV": "development"}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """A function that loads settings from environment variables, with an empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)

    def load(base: dict[str, str], **environment: str | None) -> Settings:
        for name, value in {**base, **environment}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return Settings.load()

    return load


def mistakes(load: Load, base: dict[str, str], **environment: str | None) -> list[str]:
    """Load invalid settings and return the lines of the error message."""
    with pytest.raises(InvalidSettings) as raised:
        load(base, **environment)
    return str(raised.value).splitlines()


def test_default_environment_is_production(load: Load) -> None:
    assert load({**PRODUCTION, "APP_ENV": ""}).is_development is False


def test_development_defaults_to_local_backends(load: Load, tmp_path: Path) -> None:
    settings = load(DEVELOPMENT, DATA_DIR="data")
    assert settings.database_url == f"sqlite:///{tmp_path}/data/app.db"
    assert settings.storage_url == f"file://{tmp_path}/data/files"
    assert settings.broker_url == f"file://{tmp_path}/data/broker"
    assert settings.mail_url == f"file://{tmp_path}/data/mail"
    assert settings.public_url == settings.frontend_url == "http://localhost:8000"


def test_production_has_no_default_backends(load: Load) -> None:
    required = [name for name in PRODUCTION if name != "APP_ENV"]
    assert mistakes(load, {}) == [f"{name}: is required in production" for name in required]


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "APP_ENV"])
@pytest.mark.parametrize("empty", [None, ""])
def test_missing_required_setting_is_reported_in_production(load: Load, name: str, empty: str | None) -> None:
    assert mistakes(load, {**PRODUCTION, name: ""}, **{name: empty}) == [f"{name}: is required in production"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_URL", "http://api.example.com", "https://"),
        ("PUBLIC_URL", "HTTP://api.example.com", ""),
        ("PUBLIC_URL", "http://localhost.example.com", "https://"),
        ("PUBLIC_URL", "api.example.com", ""),
        ("PUBLIC_URL", "https://api.example.com/?x", ""),
        ("PUBLIC_URL", "https://api.example.com/#x", ""),
        ("PUBLIC_URL", "javascript:alert(1)", ""),
        ("FRONTEND_URL", "ftp://example.com", ""),
        ("DATABASE_URL", "mysql://db/app", "sqlite, postgresql+psycopg"),
        ("DATABASE_URL", "app.db", "sqlite, postgresql+psycopg"),
        ("BROKER_URL", "kafka://broker", "redis, rediss, amqp, amqps"),
        ("STORAGE_URL", "/srv/files", "file, s3"),
        ("MAIL_URL", "mail.example.com", "file, smtp, smtps"),
        ("SECRET_KEY", "s" * 31, "at least 32 bytes"),
        ("SECRET_KEY", f"{SECRET},short", "at least 32 bytes"),
        ("JWT_KEYS", "secret", "Ed25519"),
        ("JWT_KEYS", pem(generate_private_key(SECP256R1())), "Ed25519"),
        ("JWT_KEYS", KEY + KEY.replace("M", "?"), "Ed25519"),
        ("DONE_JOB_RETENTION_SECONDS", "3599", "3600"),
        ("DEAD_JOB_RETENTION_SECONDS", "3599", "3600"),
        ("PORT", "0", "1"),
        ("PORT", "65536", "65535"),
        ("WEB_THREADS", "0", "1"),
        ("WEB_CONCURRENCY", "many", "integer"),
        ("TRUSTED_PROXIES", "-1", "0"),
        ("ACCESS_TOKEN_TTL_SECONDS", "0", "1"),
        ("REFRESH_GRACE_PERIOD_SECONDS", "-1", "0"),
        ("MAX_JSON_BYTES", "1.5", "integer"),
        ("LOG_FORMAT", "xml", "json"),
        ("METRICS_TOKEN", "t" * 15, "at least 16 characters"),
        ("METRICS_TOKEN", "two words of a token", "valid in a bearer token"),
        ("METRICS_TOKEN", "a=token=with=equals=signs", "valid in a bearer token"),
        ("METRICS_PORT", "0", "1"),
        ("TRUSTED_HOSTS", "api.example.com:443", "without a port"),
        ("TRUSTED_HOSTS", "https://api.example.com", "name of a host"),
        ("TRUSTED_HOSTS", "*.example.com", "name of a host"),
        ("TRUSTED_HOSTS", "::1", "name of a host"),
        ("CORS_ORIGINS", "*", "origin"),
        ("CORS_ORIGINS", "null", "origin"),
        ("CORS_ORIGINS", "app.example.com", "origin"),
        ("CORS_ORIGINS", "https://*.example.com", "origin"),
        ("CORS_ORIGINS", "https://app.example.com/", "origin"),
        ("CORS_ORIGINS", "https://app.example.com/path", "origin"),
        ("CORS_ORIGINS", "https://app.example.com?x", "origin"),
        ("CORS_ORIGINS", "https://ada@app.example.com", "origin"),
        ("CORS_ORIGINS", "https://App.example.com", "as browsers write it"),
        ("CORS_ORIGINS", "https://app.example.com:443", "as browsers write it"),
        ("CORS_ORIGINS", "http://app.example.com:80", "as browsers write it"),
        ("CORS_ORIGINS", "https://app.example.com:65536", "65535"),
        ("CORS_ORIGINS", "https://one.example.com,two.example.com", "origin"),
        ("RATE_LIMIT_URL", "memcached://cache", "memory, redis, rediss"),
        ("RATE_LIMIT_ENABLED", "perhaps", "boolean"),
        ("LOGINS_PER_MINUTE", "0", "1"),
        ("REGISTRATIONS_PER_MINUTE", "0", "1"),
        ("REFRESHES_PER_MINUTE", "0", "1"),
        ("PASSWORD_ATTEMPTS_PER_15_MINUTES", "0", "1"),
        ("RATE_LIMIT_NETWORK_FACTOR", "0", "1"),
        ("INVITATIONS_PER_MINUTE", "0", "1"),
    ],
    ids=lambda value: value[:24],
)
def test_error_message_for_an_invalid_value_is_one_line(load: Load, name: str, value: str, message: str) -> None:
    (line,) = mistakes(load, PRODUCTION, **{name: value})
    assert line.startswith(f"{name}: ")
    assert message in line


def test_invalid_port_is_rejected_in_development(load: Load) -> None:
    assert mistakes(load, DEVELOPMENT, PORT="x")[0].startswith("PORT: ")


def test_all_mistakes_are_reported_together(load: Load) -> None:
    lines = mistakes(load, PRODUCTION, WEB_THREADS="0", MAIL_URL="x", SECRET_KEY="short")
    assert sorted(line.partition(":")[0] for line in lines) == ["MAIL_URL", "SECRET_KEY", "WEB_THREADS"]


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "JWT_KEYS", "DATABASE_URL", "BROKER_URL", "STORAGE_URL", "MAIL_URL", "RATE_LIMIT_URL"]
)
def test_error_message_contains_no_secret(load: Load, name: str) -> None:
    assert "hush" not in "".join(mistakes(load, PRODUCTION, **{name: "x://ada:hush@host"}))


def test_process_exits_without_a_traceback_if_settings_are_invalid() -> None:
    assert issubclass(InvalidSettings, SystemExit)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"])
def test_http_is_accepted_in_production_for_loopback_hosts(load: Load, url: str) -> None:
    assert load(PRODUCTION, PUBLIC_URL=url).public_url == url


def test_trailing_slash_is_removed_from_url(load: Load) -> None:
    settings = load(PRODUCTION, PUBLIC_URL="https://api.example.com/base/", FRONTEND_URL="https://example.com/")
    assert (settings.public_url, settings.frontend_url) == ("https://api.example.com/base", "https://example.com")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_database_url_with_any_postgresql_scheme_uses_psycopg(load: Load, scheme: str) -> None:
    url = load(PRODUCTION, DATABASE_URL=f"{scheme}://ada@db/app?options=postgres://").database_url
    assert url == "postgresql+psycopg://ada@db/app?options=postgres://"


@pytest.mark.parametrize("name", ["BROKER_URL", "REDIS_URL", "CLOUDAMQP_URL"])
def test_broker_url_is_read_from_platform_variables(load: Load, name: str) -> None:
    environment = {**PRODUCTION, "BROKER_URL": "", name: "rediss://broker"}
    assert load(environment).broker_url == "rediss://broker"


@pytest.mark.parametrize("name", ["RATE_LIMIT_URL", "REDIS_URL"])
def test_rate_limit_url_is_read_from_platform_variable(load: Load, name: str) -> None:
    assert load(PRODUCTION, **{name: "rediss://:hush@limits"}).rate_limit_url == "rediss://:hush@limits"


def test_rate_limits_are_enabled_and_counted_in_memory_by_default(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATE_LIMIT_ENABLED")
    settings = load(PRODUCTION)
    assert (settings.rate_limit_enabled, settings.rate_limit_url) == (True, "memory://")


def test_broker_url_takes_precedence_over_platform_variables(load: Load) -> None:
    assert load(PRODUCTION, REDIS_URL="redis://other").broker_url == "redis://:hush@redis"


def test_several_secret_keys_and_jwt_keys_are_accepted(load: Load) -> None:
    other = pem(Ed25519PrivateKey.generate())
    settings = load(PRODUCTION, SECRET_KEY=f"{SECRET}, {'t' * 32},", JWT_KEYS=f"{KEY}\n{other}")
    assert settings.secret_key == (SECRET, "t" * 32)
    assert [pem(key) for key in settings.jwt_keys] == [KEY, other]


def test_escaped_newlines_in_jwt_key_are_accepted(load: Load) -> None:
    assert [pem(key) for key in load(PRODUCTION, JWT_KEYS=KEY.replace("\n", "\\n")).jwt_keys] == [KEY]


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_around_jwt_keys_are_removed(load: Load, quote: str) -> None:
    value = quote + KEY.strip().replace("\n", "\\n") + quote
    assert [pem(key) for key in load(PRODUCTION, JWT_KEYS=value).jwt_keys] == [KEY]


def test_list_settings_are_comma_separated(load: Load) -> None:
    settings = load(DEVELOPMENT, ALLOWED_CONTENT_TYPES="image/png, text/plain")
    assert settings.allowed_content_types == ("image/png", "text/plain")


def test_origins_with_ports_and_custom_schemes_are_accepted(load: Load) -> None:
    origins = ("http://localhost:3000", "http://[::1]:3000", "https://app.example.com", "capacitor://localhost")
    assert load(PRODUCTION, CORS_ORIGINS=" , ".join(origins)).cors_origins == origins


def test_trusted_hosts_default_to_the_public_host_and_loopback_hosts(load: Load) -> None:
    hosts = load(PRODUCTION, PUBLIC_URL="https://API.example.com:8443/base").trusted_hosts
    assert set(hosts) == {"api.example.com", "localhost", "127.0.0.1", "[::1]"}


def test_configured_trusted_hosts_replace_the_defaults(load: Load) -> None:
    assert load(PRODUCTION, TRUSTED_HOSTS="Web.internal,[fd00::1]").trusted_hosts == ("web.internal", "[fd00::1]")


def test_repr_and_str_of_settings_contain_no_secrets(load: Load) -> None:
    settings = load(PRODUCTION, RATE_LIMIT_URL="redis://:hush@limits", METRICS_TOKEN="hush-hush-hush-hush")
    output = f"{settings!r} {settings}"
    assert not [secret for secret in ("hush", SECRET, "PRIVATE KEY", "Ed25519PrivateKey object") if secret in output]


def test_settings_are_immutable(load: Load) -> None:
    settings = load(DEVELOPMENT)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_development_secrets_are_generated_once_in_private_files(load: Load, tmp_path: Path) -> None:
    settings = load(DEVELOPMENT, DATA_DIR=str(tmp_path))
    first, second = with_development_secrets(settings), with_development_secrets(settings)
    assert first.secret_key == second.secret_key
    assert [pem(key) for key in first.jwt_keys] == [pem(key) for key in second.jwt_keys]
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert files == {"secret_key": 0o600, "jwt_keys.pem": 0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secrets_are_not_generated_if_they_are_configured(load: Load, tmp_path: Path) -> None:
    settings = with_development_secrets(load(DEVELOPMENT, DATA_DIR=str(tmp_path), SECRET_KEY=SECRET, JWT_KEYS=KEY))
    assert settings.secret_key == (SECRET,)
    assert not (tmp_path / "secrets").exists()


def test_secrets_are_not_generated_in_production(load: Load, tmp_path: Path) -> None:
    settings = load(PRODUCTION, DATA_DIR=str(tmp_path))
    assert with_development_secrets(settings) is settings
    assert list(tmp_path.iterdir()) == []


def test_processes_started_concurrently_use_the_same_secrets(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        secrets = set(pool.map(_secrets, [tmp_path] * 8))
    assert len(secrets) == 1


def _secrets(folder: Path) -> tuple[object, ...]:
    settings = with_development_secrets(Settings(app_env="development", data_dir=folder))
    return settings.secret_key, *(pem(key) for key in settings.jwt_keys)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://API.example.com:443/base", "https://api.example.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_origin_of_url_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of_url(url) == origin
