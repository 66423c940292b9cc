"""Settings: defaults, one clear line for each mistake, nothing unsafe in production, and no secret ever shown."""

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

Load = Callable[..., Settings]
SECRET = "s" * 32


def pem(key: object) -> str:
    """A private key as text."""
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
    """Settings from an environment, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def load(base: dict[str, str], **environment: str | None) -> Settings:
        for name, value in {**base, **environment}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return Settings.load()

    return load


def mistakes(load: Load, base: dict[str, str], **environment: str | None) -> list[str]:
    """The lines that say what is wrong."""
    with pytest.raises(InvalidSettings) as refused:
        load(base, **environment)
    return str(refused.value).splitlines()


def test_production_is_what_nobody_asked_for_otherwise(load: Load) -> None:
    assert load({**PRODUCTION, "APP_ENV": ""}).is_development is False


def test_development_fills_in_embedded_parts(load: Load, tmp_path: Path) -> None:
    settings = load(DEVELOPMENT, DATA_DIR="data")
    assert settings.database_url == f"sqlite:///{tmp_path}/data/app.db"
    assert settings.storage_url == f"file://{tmp_path}/data/files"
    assert settings.broker_url == f"file://{tmp_path}/data/broker"
    assert settings.mail_url == f"file://{tmp_path}/data/mail"
    assert settings.public_url == settings.frontend_url == "http://localhost:8000"


def test_production_fills_in_nothing(load: Load) -> None:
    required = [name for name in PRODUCTION if name != "APP_ENV"]
    assert mistakes(load, {}) == [f"{name}: is required in production" for name in required]


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "APP_ENV"])
@pytest.mark.parametrize("empty", [None, ""])
def test_each_thing_that_production_needs_is_named(load: Load, name: str, empty: str | None) -> None:
    assert mistakes(load, {**PRODUCTION, name: ""}, **{name: empty}) == [f"{name}: is required in production"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
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
        ("METRICS_TOKEN", "two words of a token", "such as a bearer token has"),
        ("METRICS_TOKEN", "a=token=with=equals=signs", "such as a bearer token has"),
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
    ],
    ids=lambda value: value[:24],
)
def test_unsafe_or_senseless_value_is_refused_in_one_line(load: Load, name: str, value: str, said: str) -> None:
    (line,) = mistakes(load, PRODUCTION, **{name: value})
    assert line.startswith(f"{name}: ")
    assert said in line


def test_bad_port_is_refused_in_one_line_in_development_too(load: Load) -> None:
    assert mistakes(load, DEVELOPMENT, PORT="x")[0].startswith("PORT: ")


def test_every_mistake_is_named_at_once(load: Load) -> None:
    lines = mistakes(load, PRODUCTION, WEB_THREADS="0", MAIL_URL="x", SECRET_KEY="short")
    assert sorted(line.partition(":")[0] for line in lines) == ["MAIL_URL", "SECRET_KEY", "WEB_THREADS"]


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "JWT_KEYS", "DATABASE_URL", "BROKER_URL", "STORAGE_URL", "MAIL_URL", "RATE_LIMIT_URL"]
)
def test_mistake_does_not_repeat_a_secret(load: Load, name: str) -> None:
    assert "hush" not in "".join(mistakes(load, PRODUCTION, **{name: "x://ada:hush@host"}))


def test_mistake_ends_the_process_without_a_traceback() -> None:
    assert issubclass(InvalidSettings, SystemExit)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"])
def test_production_on_this_machine_may_do_without_tls(load: Load, url: str) -> None:
    assert load(PRODUCTION, PUBLIC_URL=url).public_url == url


def test_slash_at_the_end_of_an_address_is_dropped(load: Load) -> None:
    settings = load(PRODUCTION, PUBLIC_URL="https://api.example.com/base/", FRONTEND_URL="https://example.com/")
    assert (settings.public_url, settings.frontend_url) == ("https://api.example.com/base", "https://example.com")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_names_the_driver(load: Load, scheme: str) -> None:
    url = load(PRODUCTION, DATABASE_URL=f"{scheme}://ada@db/app?options=postgres://").database_url
    assert url == "postgresql+psycopg://ada@db/app?options=postgres://"


@pytest.mark.parametrize("name", ["BROKER_URL", "REDIS_URL", "CLOUDAMQP_URL"])
def test_broker_is_found_under_the_names_that_platforms_give_it(load: Load, name: str) -> None:
    environment = {**PRODUCTION, "BROKER_URL": "", name: "rediss://broker"}
    assert load(environment).broker_url == "rediss://broker"


@pytest.mark.parametrize("name", ["RATE_LIMIT_URL", "REDIS_URL"])
def test_store_of_the_limits_is_found_under_the_name_that_platforms_give_it(load: Load, name: str) -> None:
    assert load(PRODUCTION, **{name: "rediss://:hush@limits"}).rate_limit_url == "rediss://:hush@limits"


def test_limits_are_on_and_in_memory_unless_it_is_set(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATE_LIMIT_ENABLED")
    settings = load(PRODUCTION)
    assert (settings.rate_limit_enabled, settings.rate_limit_url) == (True, "memory://")


def test_own_name_of_the_broker_counts_before_the_platforms(load: Load) -> None:
    assert load(PRODUCTION, REDIS_URL="redis://other").broker_url == "redis://:hush@redis"


def test_several_secrets_and_keys_may_be_listed(load: Load) -> None:
    other = pem(Ed25519PrivateKey.generate())
    settings = load(PRODUCTION, SECRET_KEY=f"{SECRET}, {'t' * 32},", JWT_KEYS=f"{KEY}\n{other}")
    assert settings.secret_key == (SECRET, "t" * 32)
    assert [pem(key) for key in settings.jwt_keys] == [KEY, other]


def test_newlines_of_a_key_may_be_escaped(load: Load) -> None:
    assert [pem(key) for key in load(PRODUCTION, JWT_KEYS=KEY.replace("\n", "\\n")).jwt_keys] == [KEY]


def test_list_is_written_with_commas(load: Load) -> None:
    settings = load(DEVELOPMENT, ALLOWED_CONTENT_TYPES="image/png, text/plain")
    assert settings.allowed_content_types == ("image/png", "text/plain")


def test_origins_may_have_ports_and_other_schemes(load: Load) -> None:
    origins = ("http://localhost:3000", "http://[::1]:3000", "https://app.example.com", "capacitor://localhost")
    assert load(PRODUCTION, CORS_ORIGINS=" , ".join(origins)).cors_origins == origins


def test_trusted_hosts_are_those_of_the_public_address_and_of_this_machine(load: Load) -> None:
    hosts = load(PRODUCTION, PUBLIC_URL="https://API.example.com:8443/base").trusted_hosts
    assert set(hosts) == {"api.example.com", "localhost", "127.0.0.1", "[::1]"}


def test_trusted_hosts_that_are_set_are_all(load: Load) -> None:
    assert load(PRODUCTION, TRUSTED_HOSTS="Web.internal,[fd00::1]").trusted_hosts == ("web.internal", "[fd00::1]")


def test_secrets_are_never_shown(load: Load) -> None:
    settings = load(PRODUCTION, RATE_LIMIT_URL="redis://:hush@limits", METRICS_TOKEN="hush-hush-hush-hush")
    shown = f"{settings!r} {settings}"
    assert not [secret for secret in ("hush", SECRET, "PRIVATE KEY", "Ed25519PrivateKey object") if secret in shown]


def test_settings_cannot_be_changed(load: Load) -> None:
    settings = load(DEVELOPMENT)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_development_secrets_are_made_once_and_for_their_owner_only(load: Load, tmp_path: Path) -> None:
    settings = load(DEVELOPMENT, DATA_DIR=str(tmp_path))
    first, second = with_development_secrets(settings), with_development_secrets(settings)
    assert first.secret_key == second.secret_key
    assert [pem(key) for key in first.jwt_keys] == [pem(key) for key in second.jwt_keys]
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()}
    assert files == {"secret_key": 0o600, "jwt_keys.pem": 0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secrets_that_are_set_are_not_made(load: Load, tmp_path: Path) -> None:
    settings = with_development_secrets(load(DEVELOPMENT, DATA_DIR=str(tmp_path), SECRET_KEY=SECRET, JWT_KEYS=KEY))
    assert settings.secret_key == (SECRET,)
    assert not (tmp_path / "secrets").exists()


def test_production_makes_no_secrets(load: Load, tmp_path: Path) -> None:
    settings = load(PRODUCTION, DATA_DIR=str(tmp_path))
    assert with_development_secrets(settings) is settings
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_have_the_same_secrets(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = set(pool.map(_secrets, [tmp_path] * 8))
    assert len(found) == 1


def _secrets(folder: Path) -> tuple[object, ...]:
    settings = with_development_secrets(Settings(app_env="development", data_dir=folder))
    return settings.secret_key, *(pem(key) for key in settings.jwt_keys)
