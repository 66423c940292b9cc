"""Registration: unique emails, password strength, and read-only fields."""

import time
from typing import Any

import pytest

from project.config import Settings
from tests.kit.clients.api import PASSWORD, Api, pointers, problem, success
from tests.kit.fixtures.apps import application

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EMAIL_POINTER, PASSWORD_POINTER = ("body", "/email"), ("body", "/password")


def register(api: Api, email: str = "ada@example.com", password: str = PASSWORD, **members: Any) -> Any:
    return api.post("/auth/register", {"email": email, "password": password, **members})


def log_in(api: Api, email: str = "ada@example.com", password: str = PASSWORD) -> Any:
    return api.post("/auth/login", {"email": email, "password": password})


def test_new_account_is_active_with_unverified_email(api: Api) -> None:
    user = success(register(api, "Ada@Example.com", display_name="Ada"))
    assert {name: user[name] for name in ("email", "email_verified", "display_name", "role", "status")} == {
        "email": "Ada@Example.com",
        "email_verified": False,
        "display_name": "Ada",
        "role": "user",
        "status": "active",
    }
    assert user["created_at"].endswith("Z")


@ON_SQLITE
@pytest.mark.parametrize("members", [{}, {"display_name": None}])
def test_display_name_defaults_to_local_part_of_email(api: Api, members: dict[str, Any]) -> None:
    assert success(register(api, "ada.l@example.com", **members))["display_name"] == "ada.l"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ada@example.com", "ADA@Example.COM"),
        ("zo\u00eb@example.com", "zoe\u0308@example.com"),
        ("ZO\u00cb@example.com", "zoe\u0308@example.com"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@BU\u0308CHER\u3002example"),
    ],
    ids=ascii,
)
def test_taken_email_is_rejected_in_every_spelling(api: Api, first: str, second: str) -> None:
    success(register(api, first))
    problem(register(api, second), 409, "email-taken")


@pytest.mark.parametrize(
    "other",
    [
        "\uff41da@example.com",
        "\u0430d\u0430@example.com",
        "ada@\u0435xample.com",
        "ada+x@example.com",
        "a.da@example.com",
    ],
    ids=ascii,
)
def test_lookalike_email_gets_a_separate_account(api: Api, other: str) -> None:
    ada = success(register(api))
    lookalike = success(register(api, other))
    assert (lookalike["id"] != ada["id"], lookalike["email"]) == (True, other)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@example.com.",
        "ada@example..com",
        "ada.@example.com",
        ".ada@example.com",
        "ada @example.com",
        "ada@@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada\r@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        '"ada l"@example.com',
        "ada@[127.0.0.1]",
        "ada\u202e@example.com",
        "ada\u0000@example.com",
        "a" * 400 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + "a." * 130 + "com",
        "ada@" + "\u00fc" * 60 + ".example",
        "ada@\U0001f44d.ws",
        "ada@xn--ls8h.la",
        "ada@xn--a.com",
        "ada@xn--99999999.com",
        "ada@1.\u05d0\u05d1.com",
        "ada@a\u05d0\u05d1.com",
        "ada@ex\u00adample.com",
        "ada@localhost",
        "ada@mail.localhost",
        "ada@1.in-addr.arpa",
        "a..b@example.com",
    ],
    ids=lambda email: ascii(email[:30]),
)
def test_invalid_email_is_rejected(shared_api: Api, email: str) -> None:
    assert pointers(problem(register(shared_api, email), 422, "validation-failed")) == {EMAIL_POINTER}


@ON_SQLITE
@pytest.mark.parametrize("email", ["ada@corp.local", "ada@home.arpa", "ada@mail.home.arpa", "ada@corp.internal"])
def test_email_in_private_network_is_accepted(api: Api, email: str) -> None:
    assert success(register(api, email))["email"] == email


@ON_SQLITE
def test_white_space_and_invisible_marks_around_email_and_name_are_removed(api: Api) -> None:
    user = success(register(api, "\u202aada@example.com\u202c \r\n", display_name="\u200f Ada L.\u3000"))
    assert (user["email"], user["display_name"]) == ("ada@example.com", "Ada L.")
    assert log_in(api, "\ufeffada@example.com\u200d ").status_code == 200


@ON_SQLITE
def test_spaces_around_password_are_kept(api: Api) -> None:
    success(register(api))
    problem(log_in(api, password=f"{PASSWORD} "), 401, "invalid-credentials")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "A\nda",
        "A\u0000da",
        "ad\u202eA",
        "\u200b\u200d",
        "\u0301",
        "\ufeff",
        "\u2028",
        "A" * 101,
    ],
    ids=ascii,
)
def test_invalid_display_name_is_rejected(shared_api: Api, name: str) -> None:
    assert pointers(problem(register(shared_api, display_name=name), 422, "validation-failed")) == {
        ("body", "/display_name")
    }


@ON_SQLITE
@pytest.mark.parametrize(
    "name",
    [
        "A" * 100,
        "Zoe\u0308",
        "李",
        "👩 Ada",
        "🏴\U000e0067\U000e0062\U000e007f",
        "♥\ufe0f",
        "O'Brien <b>",
        "'); DROP TABLE users;--",
    ],
)
def test_display_name_is_normalized_to_nfc(api: Api, name: str) -> None:
    assert success(register(api, display_name=name))["display_name"] == name.replace("e\u0308", "\u00eb")


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "password1234",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijklmnop",
        "qwertyuiop[]",
        "ada@example.com",
        "x" * 129,
        "seven unlikely herons" * 7,
    ],
)
def test_weak_or_too_long_password_is_rejected_with_explanation(shared_api: Api, password: str) -> None:
    body = problem(register(shared_api, password=password, display_name="Ada Lovelace"), 422, "validation-failed")
    assert pointers(body) == {PASSWORD_POINTER}
    assert len(body["errors"][0]["detail"]) > 10


@ON_SQLITE
@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "🦩🪿🦚🐧🦉🐦🦜🕊️🦢🦆🐓🦃",
        "пять невидимых цапель",
        "      herons in the fog",
        "a\tb\u0000c heron fog",
    ],
    ids=ascii,
)
def test_password_may_contain_any_characters(api: Api, password: str) -> None:
    success(register(api, password=password))
    assert log_in(api, password=password).status_code == 200


def test_very_long_password_is_rejected(shared_api: Api) -> None:
    problem(register(shared_api, password="x" * 900_000), 422, "validation-failed")
    problem(log_in(shared_api, password="x" * 900_000), 422, "validation-failed")


@pytest.mark.parametrize(
    "password", ["4@8({[<3690$5+7%2!1|/#&" * 3, "a1" * 36, "p4ssw0rd5!t1me$0f@" * 4, "\u0301" * 128]
)
def test_password_with_costly_patterns_is_checked_quickly(shared_api: Api, password: str) -> None:
    started = time.process_time()
    response = register(shared_api, f"{hash(password)}@example.com", password)
    assert time.process_time() - started < 1
    assert response.status_code in (201, 422)


@ON_SQLITE
def test_long_password_is_not_truncated(api: Api) -> None:
    long = "seven unlikely herons walk " * 4
    success(register(api, password=long[:73]))
    problem(log_in(api, password=long[:72] + "#"), 401, "invalid-credentials")
    assert log_in(api, password=long[:73]).status_code == 200


@ON_SQLITE
def test_login_accepts_password_in_any_unicode_normal_form(api: Api) -> None:
    success(register(api, password="sieben zo\u00eb reiher nebel"))
    assert log_in(api, password="sieben zoe\u0308 reiher nebel").status_code == 200


@ON_SQLITE
def test_password_length_is_measured_after_unicode_normalization(api: Api) -> None:
    success(register(api, password=PASSWORD + "e\u0301o\u0308u\u0302" * 35))
    assert pointers(problem(register(api, password="e\u0301" * 11), 422, "validation-failed")) == {PASSWORD_POINTER}


@pytest.mark.parametrize("password", ["heron.lover.1815", "Heron.Lover.1815", "heron.lover.1815@example.com"])
def test_password_based_on_email_or_name_is_rejected(shared_api: Api, password: str) -> None:
    for members in ({"email": "heron.lover.1815@example.com"}, {"display_name": password}):
        body = problem(
            register(shared_api, **{"password": password, "display_name": "Ada", **members}), 422, "validation-failed"
        )
        assert pointers(body) == {PASSWORD_POINTER}


@ON_SQLITE
@pytest.mark.parametrize("password", ["Lovelace1815!", "Quillfeather2026", "api.quillfeather.example", "Inkwell-2026"])
def test_password_based_on_a_word_of_the_name_or_the_service_is_rejected(settings: Settings, password: str) -> None:
    service = {"public_url": "https://api.quillfeather.example", "mail_sender": "Inkwell <mail@example.net>"}
    with application(settings.model_copy(update=service)) as app:
        api = Api(app.test_client())
        body = problem(register(api, password=password, display_name="Ada Lovelace"), 422, "validation-failed")
        assert pointers(body) == {PASSWORD_POINTER}
    with application(settings) as app:
        success(register(Api(app.test_client()), password=password))


@pytest.mark.parametrize(
    "member",
    [
        "id",
        "role",
        "status",
        "email_verified",
        "email_key",
        "password_hash",
        "created_at",
        "organization_id",
        "is_admin",
    ],
)
def test_read_only_fields_are_rejected(shared_api: Api, member: str) -> None:
    body = problem(register(shared_api, **{member: "admin"}), 422, "validation-failed")
    assert pointers(body) == {("body", f"/{member}")}
