"""Wire shapes of organizations."""

from marshmallow import fields, validate

from project.blueprints.organizations.service import ROLES
from project.http.fields import Slug, Text, Timestamp
from project.http.schemas import Body, page_of


class OrganizationRequest(Body):
    name = Text(100, required=True)
    slug = Slug(load_default=None)


class OrganizationResponse(Body):
    id = fields.UUID(required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES), metadata={"description": "Yours."})
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class MemberResponse(Body):
    user_id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    email = fields.Email(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    joined_at = Timestamp(required=True)


OrganizationPage = page_of(OrganizationResponse)
MemberPage = page_of(MemberResponse)
