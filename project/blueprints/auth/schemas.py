"""Request and response schemas for authentication."""

from marshmallow.fields import String
from marshmallow.validate import Length

from project.http.fields import Choice, Email, Flag, Id, JsonInteger, Password, Text, Timestamp, Token
from project.http.requests.schemas import Body, Update, page_of

_MAX_LIFETIME_SECONDS = 10 * 366 * 86400


class RegistrationRequest(Body):
    email = Email(required=True)
    password = Password(required=True)
    display_name = Text(100, load_default=None, metadata={"example": "Ada Lovelace"})


class UserUpdate(Update):
    display_name = Text(100, metadata={"example": "Ada Lovelace"})


class LoginRequest(Body):
    email = Email(required=True)
    password = Password(required=True)


class PasswordChangeRequest(Body):
    current_password = Password(required=True)
    new_password = Password(required=True)


class EmailChangeRequest(Body):
    email = Email(required=True)
    password = Password(required=True)


class EmailConfirmationRequest(Body):
    token = Token(required=True)
    new_password = Password(
        load_default=None,
        allow_none=False,
        metadata={
            "description": "Set it if someone else has registered this address: the account becomes yours.",
            "format": "password",
            "example": "seven unlikely herons",
        },
    )


class PasswordResetRequest(Body):
    email = Email(required=True)


class PasswordResetConfirmationRequest(Body):
    token = Token(required=True)
    new_password = Password(required=True)


class RefreshRequest(Body):
    refresh_token = Token(required=True)


class UserResponse(Body):
    id = Id(required=True)
    email = Email(required=True)
    email_verified = Flag(required=True)
    display_name = Text(100, required=True, metadata={"example": "Ada Lovelace"})
    role = Choice(["user", "admin"], required=True)
    status = Choice(["active", "disabled"], required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class RegistrationPendingResponse(Body):
    email = Email(required=True)


class AccessTokenResponse(Body):
    access_token = Token(required=True)
    token_type = Choice(["Bearer"], required=True)
    expires_in = JsonInteger(0, _MAX_LIFETIME_SECONDS, required=True, metadata={"description": "Lifetime in seconds."})
    refresh_expires_in = JsonInteger(
        0, _MAX_LIFETIME_SECONDS, required=True, metadata={"description": "Lifetime in seconds."}
    )
    session_id = Id(required=True)


class TokenPairResponse(AccessTokenResponse):
    refresh_token = Token(required=True)


class SessionResponse(Body):
    id = Id(required=True)
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True, metadata={"description": "Time of the login or of the last token refresh."})
    expires_at = Timestamp(required=True)
    user_agent = String(required=True, validate=Length(max=255), metadata={"example": "Mozilla/5.0"})
    ip_address = String(required=True, validate=Length(max=255), metadata={"example": "203.0.113.7"})
    current = Flag(required=True, metadata={"description": "Whether this is the session of the request."})


SessionPage = page_of(SessionResponse)
