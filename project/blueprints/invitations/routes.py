"""Inviting people to an organization, and joining one."""

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
from project.http.auth.identity import current_user_id
from project.http.middleware.rate_limits import REGISTRATIONS
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.routing.access import member, public, user

blueprint = Blueprint("invitations", __name__, description="Inviting people to an organization")

_ENDED = (NotFound, InvitationReplaced, InvitationExpired, InvitationAlreadyAccepted)
_OF_ORGANIZATION = "/organizations/<uuid:organization_id>/invitations"


@blueprint.post(_OF_ORGANIZATION, access=member("admin"))
@blueprint.raises(InvitationPending, AlreadyAMember)
@blueprint.arguments(InvitationRequest)
@blueprint.response(201, InvitationResponse)
def create_invitation(invitation: dict[str, Any], organization_id: UUID) -> Any:
    """Invite someone to an organization.

    Sent again without a key, it is refused: `invitation-pending`.
    """
    return service.invite(organization_id, inviter_id=current_user_id(), **invitation)


@blueprint.get(_OF_ORGANIZATION, access=member("admin"))
@blueprint.arguments(InvitationQuery, location="query")
@blueprint.response(200, InvitationPage)
def list_invitations(query: dict[str, Any], organization_id: UUID) -> Any:
    """List the invitations of an organization."""
    return page_response(service.list_invitations(organization_id, query["status"], page_request(query)))


@blueprint.get(f"{_OF_ORGANIZATION}/<uuid:invitation_id>", access=member("admin"))
@blueprint.response(200, InvitationResponse)
def get_invitation(organization_id: UUID, invitation_id: UUID) -> Any:
    """Read an invitation."""
    return service.get_invitation(organization_id, invitation_id)


@blueprint.post(
    "/invitations/lookup",
    access=public,
    exempt={"access": "The token from the mail says who it is.", "idempotency": "It changes nothing."},
)
@blueprint.raises(*_ENDED)
@blueprint.arguments(TokenRequest)
@blueprint.response(200, OfferResponse)
def look_up_invitation(body: dict[str, Any]) -> Any:
    """See who invites you to what."""
    return service.look_up_invitation(**body)


@blueprint.post("/invitations/accept", access=user)
@blueprint.raises(*_ENDED, InvitationEmailMismatch, AlreadyAMember)
@blueprint.arguments(TokenRequest)
@blueprint.response(200, MemberResponse)
def accept_invitation(body: dict[str, Any]) -> Any:
    """Join with the account that you are signed in with.

    Sent again without a key, it is refused: `invitation-already-accepted`.
    """
    return service.accept_invitation(**body, user_id=current_user_id())


@blueprint.post(
    "/invitations/register",
    access=public,
    limits=(REGISTRATIONS,),
    exempt={"access": "Whoever is invited may have no account yet."},
)
@blueprint.raises(*_ENDED, EmailTaken)
@blueprint.arguments(InvitedRegistrationRequest)
@blueprint.response(201, UserResponse)
def register_invited(body: dict[str, Any]) -> Any:
    """Register the invited address and join, in one.

    Sent again without a key, it is refused: `email-taken`.
    """
    return service.register_invited(**body)
