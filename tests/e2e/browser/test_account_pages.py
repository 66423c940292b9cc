"""The pages behind the emails about accounts: every state has its own words and a way on, on phones and desktops."""

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.conftest import PASSWORD, ConsoleErrors, Service

pytestmark = pytest.mark.full

NEW_PASSWORD = "eleven patient otters"
_numbers = count(1)


@pytest.fixture(params=[390, 1280])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of this width. The test fails if errors appear in the console, or if the page is wider than the tab."""
    errors = ConsoleErrors()
    with browser.new_context(viewport={"width": request.param, "height": 800}) as context:
        page = context.new_page()
        errors.listen(page)
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= request.param
    assert errors.found == []


@pytest.fixture
def email(service: Service) -> str:
    """The address of a new account."""
    email = f"account{next(_numbers)}@example.com"
    service.call("POST", "/api/v1/auth/register", {"email": email, "password": PASSWORD})
    return email


def logged_in(service: Service, email: str, password: str = PASSWORD) -> Service:
    tokens = service.call("POST", "/api/v1/auth/login", {"email": email, "password": password})
    return Service(service.url, tokens["access_token"])


def expect_heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading")).to_have_text(text)
    expect(page.get_by_role("heading")).to_be_focused()


def reset_link(service: Service, email: str) -> str:
    service.call("POST", "/api/v1/auth/password-reset", {"email": email})
    return service.link(email, "reset-password")


def test_address_is_confirmed_only_when_the_button_is_pressed(service: Service, page: Page, email: str) -> None:
    page.goto(service.link(email, "verify-email"))
    expect_heading(page, "Confirm your email address")
    assert page.url == f"{service.url}/verify-email"
    user = logged_in(service, email)
    assert user.call("GET", "/api/v1/auth/me")["email_verified"] is False
    page.get_by_role("button", name="Confirm the address").click()
    expect_heading(page, "Email address confirmed")
    expect(page.get_by_role("link", name="Continue")).to_have_attribute("href", f"{service.url}/")
    assert user.call("GET", "/api/v1/auth/me")["email_verified"] is True


def test_used_link_leads_to_a_new_password(service: Service, page: Page, email: str) -> None:
    for heading in ("Email address confirmed", "Link no longer valid"):
        page.goto("about:blank")
        page.goto(service.link(email, "verify-email"))
        page.get_by_role("button", name="Confirm the address").click()
        expect_heading(page, heading)
    page.get_by_role("button", name="Choose a new password").click()
    expect_heading(page, "Forgot your password?")


def test_owner_of_the_address_takes_over_the_account(service: Service, page: Page, email: str) -> None:
    page.goto(service.link(email, "verify-email"))
    page.get_by_role("button", name="Take over the account").click()
    page.get_by_label("Choose a password").fill("too short")
    page.get_by_role("button", name="Confirm the address and save").click()
    expect(page.locator("#claim-password-error")).to_have_text("Must have 12 to 128 characters.")
    page.get_by_label("Choose a password").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect_heading(page, "The account is yours")
    assert logged_in(service, email, NEW_PASSWORD)


def test_confirmation_of_a_new_address_offers_no_take_over(service: Service, page: Page, email: str) -> None:
    new_address = f"new-{email}"
    user = logged_in(service, email)
    user.call("POST", "/api/v1/auth/email", {"email": new_address, "password": PASSWORD})
    page.goto(service.link(new_address, "verify-email"))
    expect(page.get_by_role("button", name="Take over the account")).to_be_hidden()
    page.get_by_role("button", name="Confirm the address").click()
    expect_heading(page, "Email address confirmed")
    assert user.call("GET", "/api/v1/auth/me")["email"] == new_address


def test_new_address_that_is_in_use_is_reported(service: Service, page: Page, email: str) -> None:
    new_address = f"new-{email}"
    logged_in(service, email).call("POST", "/api/v1/auth/email", {"email": new_address, "password": PASSWORD})
    link = service.link(new_address, "verify-email")
    service.call("POST", "/api/v1/auth/register", {"email": new_address, "password": PASSWORD})
    page.goto(link)
    page.get_by_role("button", name="Confirm the address").click()
    expect_heading(page, "Address already in use")


@pytest.mark.parametrize("fragment", ["a.1.b", "x" * 5000])
def test_invalid_links_are_reported(service: Service, page: Page, fragment: str) -> None:
    page.goto(f"{service.url}/verify-email#token={fragment}")
    page.get_by_role("button", name="Confirm the address").click()
    expect_heading(page, "Invalid link")
    page.goto(f"{service.url}/reset-password#token={fragment}")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    expect_heading(page, "Invalid link")
    page.get_by_role("button", name="Request a new link").click()
    expect_heading(page, "Forgot your password?")


def test_verification_page_without_a_link_explains_itself(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/verify-email")
    expect_heading(page, "Open the link in your email")


def test_forgotten_password_is_replaced(service: Service, page: Page, email: str) -> None:
    page.goto(f"{service.url}/reset-password")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Send the link").click()
    expect_heading(page, "Check your email")
    expect(page.get_by_text(email)).to_be_visible()
    page.goto(service.link(email, "reset-password"))
    expect_heading(page, "Choose a new password")
    page.get_by_label("New password").fill(email)
    page.get_by_role("button", name="Save the password").click()
    expect(page.locator("#new-password-error")).not_to_be_empty()
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    expect_heading(page, "Password changed")
    assert logged_in(service, email, NEW_PASSWORD)


def test_invalid_address_is_reported_next_to_its_field(service: Service, page: Page) -> None:
    page.goto(f"{service.url}/reset-password")
    page.get_by_label("Email address").fill("ada@")
    page.get_by_role("button", name="Send the link").click()
    expect(page.locator("#email-error")).to_have_text("Not a valid email address.")


def test_used_reset_link_leads_to_a_new_one(service: Service, page: Page, email: str) -> None:
    link = reset_link(service, email)
    for heading in ("Password changed", "Link no longer valid"):
        page.goto("about:blank")
        page.goto(link)
        page.get_by_label("New password").fill(NEW_PASSWORD)
        page.get_by_role("button", name="Save the password").click()
        expect_heading(page, heading)
    page.get_by_role("button", name="Request a new link").click()
    expect_heading(page, "Forgot your password?")


def test_invited_user_who_forgot_the_password_gets_a_link(service: Service, page: Page, email: str) -> None:
    owner, _email = service.registered("Grace Hopper")
    organization = owner.call("POST", "/api/v1/organizations", {"name": "Engines"})
    owner.call("POST", f"/api/v1/organizations/{organization['id']}/invitations", {"email": email, "role": "member"})
    page.goto(service.link(email, "invitation"))
    page.get_by_role("button", name="Forgot your password?").click()
    expect_heading(page, "Check your email")
    assert service.link(email, "reset-password")
    page.get_by_role("button", name="Back to the invitation").click()
    expect_heading(page, "Join Engines")
