"""Inviting people to an organization, and accepting invitations."""

from typing import Any
from uuid import UUID

from project.blueprints.auth.errors import EmailTaken
from project.blueprints.auth.schemas import UserResponse
from project.blueprints.invitations import service
from project.blueprints.invitations.errors import (
    InvitationAlreadyAccepted,
    InvitationEmailMismatch,
    InvitationExpired,
    InvitationPending,
    InvitationReplaced,
)
from project.blueprints.invitations.schemas import (
    InvitationPage,
    InvitationQuery,
    InvitationRequest,
    InvitationResponse,
    InvitedRegistrationRequest,
    OfferResponse,
    TokenRequest,
)
from project.blueprints.organizations.errors import AlreadyAMember
from project.blueprints.organizations.schemas import MemberResponse
from project.errors import NotFound
from project.http.auth.identity import current_organization_role, current_user_id
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.routing.access import member, public, user
from project.http.routing.limits import REGISTRATIONS, Limit, current_user

blueprint = Blueprint("invitations", __name__, description="Invitations to organizations")

_ENDED = (NotFound, InvitationReplaced, InvitationExpired, InvitationAlreadyAccepted)
_OF_ORGANIZATION = "/organizations/<uuid:organization_id>/invitations"
_INVITATIONS = Limit("invite", lambda settings: settings.invitations_per_minute, caller=current_user)


@blueprint.post(_OF_ORGANIZATION, access=member("admin"), limits=(_INVITATIONS,), on_retry="invitation-pending")
@blueprint.raises(InvitationPending, AlreadyAMember)
@blueprint.arguments(InvitationRequest)
@blueprint.response(201, InvitationResponse)
def create_invitation(invitation: dict[str, Any], organization_id: UUID) -> Any:
    """Invite someone to an organization by email."""
    return service.invite(
        organization_id, inviter_id=current_user_id(), inviter_role=current_organization_role(), **invitation
    )


@blueprint.get(_OF_ORGANIZATION, access=member("admin"))
@blueprint.arguments(InvitationQuery, location="query")
@blueprint.response(200, InvitationPage)
def list_invitations(query: dict[str, Any], organization_id: UUID) -> Any:
    """List the invitations of an organization."""
    return page_response(service.list_invitations(organization_id, query["status"], page_request(query)))


@blueprint.get(f"{_OF_ORGANIZATION}/<uuid:invitation_id>", access=member("admin"))
@blueprint.response(200, InvitationResponse)
def get_invitation(organization_id: UUID, invitation_id: UUID) -> Any:
    """Get an invitation."""
    return service.get_invitation(organization_id, invitation_id)


@blueprint.post(
    "/invitations/lookup",
    access=public,
    exempt={"access": "authenticated by the invitation token", "idempotency": "read-only"},
)
@blueprint.raises(*_ENDED)
@blueprint.arguments(TokenRequest)
@blueprint.response(200, OfferResponse)
def look_up_invitation(body: dict[str, Any]) -> Any:
    """Look up an invitation by its token."""
    return service.look_up_invitation(**body)


@blueprint.post("/invitations/accept", access=user, on_retry="invitation-already-accepted")
@blueprint.raises(*_ENDED, InvitationEmailMismatch, AlreadyAMember)
@blueprint.arguments(TokenRequest)
@blueprint.response(200, MemberResponse)
def accept_invitation(body: dict[str, Any]) -> Any:
    """Accept an invitation with your account."""
    return service.accept_invitation(**body, user_id=current_user_id())


@blueprint.post(
    "/invitations/register",
    access=public,
    limits=(REGISTRATIONS,),
    exempt={"access": "callers have no account yet"},
    on_retry="email-taken",
)
@blueprint.raises(*_ENDED, EmailTaken, AlreadyAMember)
@blueprint.arguments(InvitedRegistrationRequest)
@blueprint.response(201, UserResponse)
def register_invited(body: dict[str, Any]) -> Any:
    """Register with the invited email address and accept the invitation."""
    return service.register_invited(**body)
