"""What auth refuses."""

from project.errors import Conflict, Forbidden, Unauthenticated


class EmailTaken(Conflict):
    """An account with this e-mail address exists already."""

    code = "email-taken"
    title = "E-mail address taken"
    remedy = "Sign in to that account, or register another address."


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong."""

    code = "invalid-credentials"
    title = "Invalid credentials"
    remedy = "Check both, and try again."


class AccountDisabled(Forbidden):
    """The password is right, but the account has been disabled."""

    code = "account-disabled"
    title = "Account disabled"
    remedy = "Ask an administrator to enable it."


class RefreshTokenInvalid(Unauthenticated):
    """The refresh token is malformed or expired, or its session has ended."""

    code = "refresh-token-invalid"
    title = "Refresh token invalid"
    remedy = "Sign in again."


class RefreshTokenReused(Unauthenticated):
    """A refresh token that had been replaced came back: somebody may hold a copy, so the session was ended."""

    code = "refresh-token-reused"
    title = "Refresh token reused"
    remedy = "Sign in again. Keep only the newest refresh token, and refresh from one place."
