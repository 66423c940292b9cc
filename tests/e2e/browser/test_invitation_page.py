"""The invitation page and the docs page work in a real browser without console errors."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser.conftest import PASSWORD, Service

pytestmark = pytest.mark.full

ORGANIZATION = "Engines <img src=x onerror=alert(1)> & Co"


@dataclass(frozen=True)
class Host:
    """An organization and its owner's client."""

    service: Service
    organization_id: str

    def invite(self, email: str, role: str = "member") -> str:
        """Invite an email address and return the link from the email."""
        path = f"/api/v1/organizations/{self.organization_id}/invitations"
        self.service.call("POST", path, {"email": email, "role": role})
        return self.service.link(email, "invitation")

    def role_of(self, email: str) -> str | None:
        """Return the role of a member, or `None` for a non-member."""
        members = self.service.call("GET", f"/api/v1/organizations/{self.organization_id}/members")["items"]
        return {member["email"]: member["role"] for member in members}.get(email)


@pytest.fixture(scope="module")
def host(service: Service) -> Host:
    owner, _email = service.registered("Grace Hopper")
    organization = owner.call("POST", "/api/v1/organizations", {"name": ORGANIZATION})
    return Host(owner, organization["id"])


def test_new_user_joins_organization_by_registering(host: Host, page: Page) -> None:
    email = "ada@example.com"
    page.goto(host.invite(email))
    expect(page.get_by_role("heading")).to_have_text(f"Join {ORGANIZATION}")
    assert page.url == f"{host.service.url}/invitation"
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_have_text(f"Welcome to {ORGANIZATION}")
    assert host.role_of(email) == "member"


def test_weak_password_is_reported_next_to_the_password_field(host: Host, page: Page) -> None:
    page.goto(host.invite("weak@example.com"))
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Choose a password").fill("too short")
    page.get_by_role("button", name="Create account and join").click()
    expect(page.locator("#new-password-error")).to_have_text("Must have 12 to 128 characters.")
    expect(page.get_by_label("Choose a password")).to_be_focused()


def test_existing_user_joins_by_logging_in_and_is_then_logged_out(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    page.goto(host.invite(email, "admin"))
    page.get_by_label("Your password").fill(PASSWORD)
    with page.expect_response("**/api/v1/auth/logout") as logout:
        page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("heading")).to_have_text(f"Welcome to {ORGANIZATION}")
    assert host.role_of(email) == "admin"
    assert logout.value.status == 204
    assert page.evaluate("document.cookie + localStorage.length + sessionStorage.length") == "00"


def test_wrong_password_is_reported_and_user_does_not_join(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    page.goto(host.invite(email))
    page.get_by_label("Your password").fill("not the right one")
    page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("alert")).to_contain_text("The email address or the password is wrong.")
    assert host.role_of(email) is None


def test_page_reports_that_invitation_was_already_accepted(host: Host, page: Page) -> None:
    _service, email = host.service.registered("Alan Turing")
    link = host.invite(email)
    page.goto(link)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Log in and join").click()
    expect(page.get_by_role("heading")).to_contain_text("Welcome")
    page.goto(link)
    expect(page.get_by_role("heading")).to_have_text("Invitation already accepted")


@pytest.mark.parametrize(
    ("fragment", "heading"),
    [
        ("", "Open the link in your email"),
        ("#token=a.1.b", "Invalid invitation link"),
        ("#token=" + "x" * 600, "Invalid invitation link"),
    ],
)
def test_page_reports_that_link_has_no_valid_token(service: Service, page: Page, fragment: str, heading: str) -> None:
    page.goto(f"{service.url}/invitation{fragment}")
    expect(page.get_by_role("heading")).to_have_text(heading)


def test_docs_page_can_send_authorized_requests(service: Service, page: Page) -> None:
    caller, email = service.registered("Ada Lovelace")
    page.goto(f"{service.url}/docs")
    page.locator("button.authorize").first.click()
    page.locator(".auth-container input").fill(caller.token)
    page.locator(".auth-container button.authorize").click()
    page.locator(".btn-done").click()
    page.locator("[data-path='/api/v1/auth/me']").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .highlight-code").first).to_contain_text(email)
