"""The emails of the auth blueprint. Equal arguments yield the same bytes."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from project.blueprints.auth.models import UserRow
from project.infrastructure.mail import Message
from project.infrastructure.mail.layout import compose_message, format_time, page_link

Notice = Literal["password-changed", "email-change-requested", "already-registered", "account-deleted"]

_NOT_YOU = "If this was not you, choose a new password now: someone else may know your password."
_NOTICES: dict[Notice, tuple[str, list[str]]] = {
    "password-changed": (
        "Your password was changed",
        ["The password of your account was changed, and all other sessions were ended.", _NOT_YOU],
    ),
    "email-change-requested": (
        "Your email address is about to change",
        [
            "A new email address was entered for your account. It replaces this one as soon as it is confirmed.",
            f"{_NOT_YOU} This also cancels the change.",
        ],
    ),
    "account-deleted": (
        "Your account was deleted",
        [
            "Your account was deleted with its sessions and memberships. Its personal files will be purged.",
            "If this was not you, contact the operator of this service.",
        ],
    ),
    "already-registered": (
        "You already have an account",
        [
            "Someone, perhaps you, tried to register with this email address. It already has an account, and nothing "
            "has changed.",
            "To use the account, log in. If you do not remember your password, choose a new one.",
        ],
    ),
}


def verification_message(user: UserRow, *, token: str, valid_for: timedelta) -> Message:
    """Return the email that asks for the confirmation of an address: a new one, or that of the registration."""
    issued_at = user.email_token_issued_at or user.created_at
    is_change = user.pending_email is not None
    until = f"The link works once, until {format_time(issued_at + valid_for)}."
    return compose_message(
        f"verification.{user.id}.{user.email_token_version}",
        to=user.pending_email or user.email,
        subject="Confirm your new email address" if is_change else "Confirm your email address",
        body=[
            "This email address was entered for an existing account. Confirm that it is yours to start using it."
            if is_change
            else "An account was registered with this email address. Confirm that it is yours.",
            page_link("Confirm the address", "verify-email", **{"change" if is_change else "token": token}),
            until,
        ],
        closing="If you did not expect this email, ignore it. The address will not be confirmed."
        if is_change
        else "If you did not register, ignore this email, or open the link and choose your own password.",
        date=issued_at,
    )


def password_reset_message(user: UserRow, *, token: str, valid_for: timedelta) -> Message:
    """Return the email with the link to choose a new password."""
    issued_at = user.reset_token_issued_at or user.created_at
    unverified = "This also confirms the email address, which has not been confirmed yet. "
    return compose_message(
        f"password-reset.{user.id}.{user.reset_token_version}",
        to=user.email,
        subject="Choose a new password",
        body=[
            "To choose a new password for your account, open this link. "
            f"{'' if user.email_verified else unverified}All sessions of the account will end.",
            page_link("Choose a new password", "reset-password", token=token),
            f"The link works once, until {format_time(issued_at + valid_for)}.",
        ],
        closing="If you did not ask for a new password, ignore this email. Your password has not changed.",
        date=issued_at,
    )


def notice_message(notice: Notice, *, user_id: UUID, to: str, at: datetime) -> Message:
    """Return the email about an event at the time `at`, with a link to the page that resets the password."""
    subject, paragraphs = _NOTICES[notice]
    reset = [] if notice == "account-deleted" else [page_link("Choose a new password", "reset-password")]
    return compose_message(
        f"{notice}.{user_id}.{at:%Y%m%d%H%M%S%f}",
        to=to,
        subject=subject,
        body=[*paragraphs, *reset],
        closing=f"This happened on {format_time(at)}.",
        date=at,
    )
