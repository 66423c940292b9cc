"""Request and response schemas for organizations."""

from project.blueprints.organizations.service import ROLES
from project.http.fields import Choice, Email, Id, Slug, Text, Timestamp
from project.http.requests.schemas import Body, page_of

_NAME = {"example": "Analytical Engines"}


class OrganizationRequest(Body):
    name = Text(100, required=True, metadata=_NAME)
    slug = Slug(load_default=None)


class OrganizationResponse(Body):
    id = Id(required=True)
    name = Text(100, required=True, metadata=_NAME)
    slug = Slug(required=True)
    role = Choice(ROLES, required=True, metadata={"description": "Your role in the organization."})
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class MemberResponse(Body):
    user_id = Id(required=True)
    display_name = Text(100, required=True, metadata={"example": "Ada Lovelace"})
    email = Email(required=True)
    role = Choice(ROLES, required=True)
    joined_at = Timestamp(required=True)


OrganizationPage = page_of(OrganizationResponse)
MemberPage = page_of(MemberResponse)
