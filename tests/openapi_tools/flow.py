"""A program that uses the generated Python client to register, create an organization and invite a member.

Run it with `python flow.py URL`. The package `groundwork_client` must be importable.
"""

import sys
from typing import TypeVar

from groundwork_client import AuthenticatedClient, Client
from groundwork_client.api.auth import get_me, log_in, register
from groundwork_client.api.invitations import create_invitation, list_invitations
from groundwork_client.api.organizations import create_organization
from groundwork_client.models.invitation_page import InvitationPage
from groundwork_client.models.invitation_request import InvitationRequest
from groundwork_client.models.invitation_response import InvitationResponse
from groundwork_client.models.login_request import LoginRequest
from groundwork_client.models.organization_request import OrganizationRequest
from groundwork_client.models.organization_response import OrganizationResponse
from groundwork_client.models.registration_request import RegistrationRequest
from groundwork_client.models.token_pair_response import TokenPairResponse
from groundwork_client.models.user_response import UserResponse

EMAIL, PASSWORD = "client@example.com", "seven unlikely herons"
Model = TypeVar("Model")


def checked(response: object, kind: type[Model]) -> Model:
    """Return the response, which must be an instance of `kind`."""
    assert isinstance(response, kind), response
    return response


def logged_in(url: str) -> AuthenticatedClient:
    anonymous = Client(base_url=url, raise_on_unexpected_status=True)
    account = RegistrationRequest(email=EMAIL, password=PASSWORD, display_name="Ada")
    user = checked(register.sync(client=anonymous, body=account), UserResponse)
    pair = checked(log_in.sync(client=anonymous, body=LoginRequest(email=EMAIL, password=PASSWORD)), TokenPairResponse)
    client = AuthenticatedClient(base_url=url, token=pair.access_token, raise_on_unexpected_status=True)
    assert checked(get_me.sync(client=client), UserResponse).id == user.id
    return client


def invite(client: AuthenticatedClient, organization: OrganizationResponse) -> None:
    request = InvitationRequest.from_dict({"email": "grace@example.com", "role": "member"})
    invitation = checked(create_invitation.sync(organization.id, client=client, body=request), InvitationResponse)
    assert (invitation.organization_id, invitation.status.value) == (organization.id, "pending")
    rejected = create_invitation.sync_detailed(organization.id, client=client, body=request)
    assert (rejected.status_code, rejected.parsed.code) == (409, "invitation-pending")
    page = checked(list_invitations.sync(organization.id, client=client, limit=5), InvitationPage)
    assert [item.id for item in page.items] == [invitation.id]
    assert page.next_cursor is None


def main(url: str) -> None:
    client = logged_in(url)
    request = OrganizationRequest(name="Analytical Engines")
    organization = checked(create_organization.sync(client=client, body=request), OrganizationResponse)
    assert (organization.name, organization.role.value) == ("Analytical Engines", "owner")
    invite(client, organization)


if __name__ == "__main__":
    main(sys.argv[1])
