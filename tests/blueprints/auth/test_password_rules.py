"""Rules that hold wherever a password is chosen: common passwords, length, and the characters that are compared."""

from collections.abc import Callable
from typing import Any

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from tests.blueprints.auth.conftest import TokenFor
from tests.kit.clients.api import PASSWORD, Api, pointers, problem

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@example.com"
_MOST_FREQUENT = FREQUENCY_LISTS["passwords"][:3000]
# Most of them are too short. None of the others is left out.
COMMON = [password for number, password in enumerate(_MOST_FREQUENT) if len(password) >= 12 or number % 300 == 0]
Choose = Callable[[str], Any]


@pytest.fixture(params=["register", "register_invited", "change", "reset", "confirm"])
def choose(
    request: pytest.FixtureRequest, api: Api, ada: Api, token_for: TokenFor, token_of: Callable[[str], str]
) -> Choose:
    """Return a function that sends a new password to one of the routes that accept one."""
    if request.param == "register":
        return lambda password: api.post("/auth/register", {"email": "grace@example.com", "password": password})
    if request.param == "change":
        return lambda new: ada.post("/auth/password", {"current_password": PASSWORD, "new_password": new})
    if request.param == "register_invited":
        invitation = ada.invitation(ada.organization()["id"], "guest@example.com")
        body = {"token": token_of(invitation["id"]), "display_name": "Guest"}
        return lambda password: api.post("/invitations/register", {**body, "password": password})
    if request.param == "reset":
        api.post("/auth/password-reset", {"email": ADA})
    path = "/auth/password-reset/confirm" if request.param == "reset" else "/auth/email-verification/confirm"
    token = token_for(ADA)
    return lambda password: api.post(path, {"token": token, "new_password": password})


def test_common_passwords_are_rejected(choose: Choose) -> None:
    assert len(COMMON) == 22
    for password in COMMON:
        [(location, pointer)] = pointers(problem(choose(password), 422, "validation-failed"))
        assert (location, pointer) in {("body", "/password"), ("body", "/new_password")}


def test_strong_password_is_accepted(choose: Choose) -> None:
    assert choose("eleven patient otters").status_code in (201, 204)


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("otter fog 7q", 201),
        ("otter fog 7", 422),
        ("otters in the fog" + "\U0001f9a9" * 111, 201),
        ("otters in the fog" + "\U0001f9a9" * 112, 422),
        ("x" * 1025, 422),
    ],
    ids=["12", "11", "128 code points", "129 code points", "1025"],
)
def test_length_is_limited_to_12_to_128_characters(api: Api, password: str, status: int) -> None:
    assert api.post("/auth/register", {"email": ADA, "password": password}).status_code == status


@pytest.mark.parametrize("change", [str.upper, str.title, "{} ".format, " {}".format, "{}\u200b".format])
def test_password_is_compared_exactly(api: Api, ada: Api, change: Callable[[str], str]) -> None:
    body = {"email": ADA, "password": change(PASSWORD)}
    problem(api.post("/auth/login", body), 401, "invalid-credentials")
