"""Wire shapes of invitations."""

from marshmallow import fields, validate

from project.blueprints.organizations.service import ROLES
from project.http.fields import Email, Password, Text, Timestamp, Token
from project.http.schemas import Body, PageQuery, page_of

STATUSES = ("pending", "accepted", "expired")


class InvitationRequest(Body):
    email = Email(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class InvitationQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class TokenRequest(Body):
    token = Token(required=True)


class InvitedRegistrationRequest(Body):
    token = Token(required=True)
    password = Password(required=True)
    display_name = Text(100, required=True)


class InviterResponse(Body):
    id = fields.UUID(required=True)
    display_name = fields.String(required=True)


class InvitationResponse(Body):
    id = fields.UUID(required=True)
    organization_id = fields.UUID(required=True)
    email = fields.Email(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    invited_by = fields.Nested(InviterResponse, required=True)
    expires_at = Timestamp(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    delivery = fields.String(required=True, validate=validate.OneOf(["queued", "sent", "failed"]))


class OfferResponse(Body):
    organization_name = fields.String(required=True)
    inviter_name = fields.String(required=True)
    email = fields.Email(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    expires_at = Timestamp(required=True)
    account_exists = fields.Boolean(required=True)


InvitationPage = page_of(InvitationResponse)
