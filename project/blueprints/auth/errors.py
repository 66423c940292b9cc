"""Errors raised by the auth blueprint."""

from project.errors import Conflict, Forbidden, Gone, Unauthenticated


class EmailTaken(Conflict):
    """An account with this email address already exists."""

    code = "email-taken"
    title = "Email address taken"
    remedy = "Log in to that account, or register a different email address."


class LastAdmin(Conflict):
    """This user is the last active admin, and can be neither demoted nor disabled."""

    code = "last-admin"
    title = "Last admin"
    remedy = "Give another active user the `admin` role first."


class InvalidCredentials(Unauthenticated):
    """The email address or the password is wrong."""

    code = "invalid-credentials"
    title = "Invalid credentials"
    remedy = "Check the email address and the password, and try again."


class AccountDisabled(Forbidden):
    """The password is correct, but the account is disabled."""

    code = "account-disabled"
    title = "Account disabled"
    remedy = "Ask an administrator to enable the account."


class EmailNotVerified(Forbidden):
    """The password is correct, but the email address of the account has not been confirmed yet."""

    code = "email-not-verified"
    title = "Email address not verified"
    remedy = "Open the link in the email that was sent after the registration, or reset the password to get a new link."


class TokenSpent(Gone):
    """The token from the email has been used or replaced by a newer one, or it has expired."""

    code = "token-spent"
    title = "Token no longer valid"
    remedy = "Use the link in the latest email, or request a new one."


class RefreshTokenInvalid(Unauthenticated):
    """The refresh token is malformed or expired, or its session has ended."""

    code = "refresh-token-invalid"
    title = "Refresh token invalid"
    remedy = "Log in again."


class RefreshTokenReused(Unauthenticated):
    """A replaced refresh token was used again. Someone else may have a copy, so the session was ended."""

    code = "refresh-token-reused"
    title = "Refresh token reused"
    remedy = "Log in again. Store only the latest refresh token, and let only one component of your client refresh."
