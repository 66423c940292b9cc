"""Wire shapes of auth."""

from marshmallow import fields, validate

from project.http.fields import Email, Password, Text, Timestamp, Token
from project.http.schemas import Body


class RegistrationRequest(Body):
    email = Email(required=True)
    password = Password(required=True)
    display_name = Text(100, load_default=None)


class LoginRequest(Body):
    email = Email(required=True)
    password = Password(required=True)


class RefreshRequest(Body):
    refresh_token = Token(required=True)


class UserResponse(Body):
    id = fields.UUID(required=True)
    email = fields.Email(required=True)
    email_verified = fields.Boolean(required=True)
    display_name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(["user", "admin"]))
    status = fields.String(required=True, validate=validate.OneOf(["active", "disabled"]))
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class TokenPairResponse(Body):
    access_token = fields.String(required=True)
    token_type = fields.String(required=True, validate=validate.OneOf(["Bearer"]))
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_token = fields.String(required=True)
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    session_id = fields.UUID(required=True)
