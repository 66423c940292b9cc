"""Request and response schemas for invitations."""

from marshmallow import fields

from project.blueprints.organizations.service import ROLES
from project.http.fields import Choice, Email, Flag, Id, Password, Text, Timestamp, Token
from project.http.requests.schemas import Body, PageQuery, page_of

STATUSES = ("pending", "accepted", "expired")


class InvitationRequest(Body):
    email = Email(required=True)
    role = Choice(ROLES, required=True)


class InvitationQuery(PageQuery):
    status = Choice(STATUSES, load_default=None, allow_none=False)


class TokenRequest(Body):
    token = Token(required=True)


class InvitedRegistrationRequest(Body):
    token = Token(required=True)
    password = Password(required=True)
    display_name = Text(100, required=True, metadata={"example": "Grace Hopper"})


class InviterResponse(Body):
    id = Id(required=True)
    display_name = Text(100, required=True, metadata={"example": "Ada Lovelace"})


class InvitationResponse(Body):
    id = Id(required=True)
    organization_id = Id(required=True)
    email = Email(required=True)
    role = Choice(ROLES, required=True)
    status = Choice(STATUSES, required=True)
    invited_by = fields.Nested(InviterResponse, required=True)
    expires_at = Timestamp(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    delivery = Choice(["queued", "sent", "failed"], required=True)


class OfferResponse(Body):
    organization_name = Text(100, required=True, metadata={"example": "Analytical Engines"})
    inviter_name = Text(100, required=True, metadata={"example": "Ada Lovelace"})
    email = Email(required=True)
    role = Choice(ROLES, required=True)
    expires_at = Timestamp(required=True)
    account_exists = Flag(required=True)


InvitationPage = page_of(InvitationResponse)
