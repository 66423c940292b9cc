"""Organizations and their members."""

from typing import Any
from uuid import UUID

from project.blueprints.organizations import service
from project.blueprints.organizations.errors import SlugTaken
from project.blueprints.organizations.schemas import (
    MemberPage,
    OrganizationPage,
    OrganizationRequest,
    OrganizationResponse,
)
from project.http.auth.identity import current_user_id
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.requests.schemas import PageQuery
from project.http.routing.access import member, user
from project.http.routing.rule import CREATES_ANOTHER

blueprint = Blueprint(
    "organizations", __name__, url_prefix="/organizations", description="Organizations and their members"
)


@blueprint.post("", access=user, on_retry=(CREATES_ANOTHER, "slug-taken"))
@blueprint.raises(SlugTaken)
@blueprint.arguments(OrganizationRequest)
@blueprint.response(201, OrganizationResponse)
def create_organization(organization: dict[str, Any]) -> Any:
    """Create an organization and become its owner.

    If `slug` is omitted, one is derived from the name. Only an explicit `slug` can be rejected as taken.
    """
    return service.create_organization(owner_id=current_user_id(), **organization)


@blueprint.get("", access=user)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, OrganizationPage)
def list_organizations(query: dict[str, Any]) -> Any:
    """List your organizations."""
    return page_response(service.list_organizations(current_user_id(), page_request(query)))


@blueprint.get("/<uuid:organization_id>", access=member())
@blueprint.response(200, OrganizationResponse)
def get_organization(organization_id: UUID) -> Any:
    """Get an organization."""
    return service.get_organization(organization_id, current_user_id())


@blueprint.get("/<uuid:organization_id>/members", access=member())
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, MemberPage)
def list_members(query: dict[str, Any], organization_id: UUID) -> Any:
    """List the members of an organization."""
    return page_response(service.list_members(organization_id, page_request(query)))
