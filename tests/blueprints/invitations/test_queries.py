"""Each query selects or changes only the intended invitations: there are several, in two organizations."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.auth import service as auth
from project.blueprints.invitations import repository, service
from project.blueprints.invitations.errors import InvitationPending
from project.blueprints.invitations.models import Invitation, InvitationRow, Status
from project.blueprints.organizations import service as organizations
from project.config import current_settings
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.pagination import PageRequest
from project.infrastructure.mail import read_mailbox
from tests.kit.fixtures.changed_rows import changed_ids

pytestmark = pytest.mark.usefixtures("in_shared_app")

ALL = PageRequest(100)
GUEST, OTHER_GUEST = "guest@example.com", "other@example.com"


@pytest.fixture
def gardens(ada_row: auth.UserRow) -> UUID:
    return organizations.create_organization(owner_id=ada_row.id, name="Gardens", slug=None).id


@pytest.fixture
def invite(ada_row: auth.UserRow) -> Callable[..., UUID]:
    """Return a function that invites someone and returns the id of the invitation."""

    def invite(organization_id: UUID, email: str = GUEST) -> UUID:
        return service.invite(
            organization_id, inviter_id=ada_row.id, inviter_role="owner", email=email, role="member"
        ).id

    return invite


@pytest.fixture
def invitation_id(invite: Callable[..., UUID], engines: UUID, gardens: UUID) -> UUID:
    """An invitation for GUEST to `engines`. Others are for OTHER_GUEST to `engines`, and for GUEST to `gardens`."""
    invite(engines, OTHER_GUEST)
    invite(gardens)
    return invite(engines)


def set_invitation(invitation_id: UUID, **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(Invitation).where(Invitation.id == invitation_id).values(**values))


def expire(invitation_id: UUID) -> None:
    set_invitation(invitation_id, expires_at=now() - timedelta(seconds=1))


def in_transaction(function: Callable[..., object], *arguments: object) -> object:
    with transaction():
        return function(*arguments)


def test_sending_an_invitation_marks_no_other_one_as_sent(invitation_id: UUID) -> None:
    assert changed_ids(Invitation, lambda: service.send_invitation(invitation_id)) == {invitation_id}


def test_email_names_the_organization_of_the_invitation(invitation_id: UUID) -> None:
    service.send_invitation(invitation_id)
    message = next(iter(read_mailbox(current_settings().data_dir / "mail", limit=1)))
    assert message.subject == "User invited you to join Engines"


def test_delivery_status_is_not_set_for_an_outdated_token(invitation_id: UUID) -> None:
    set_invitation(invitation_id, token_version=2)
    outdated = [invitation_id, 1, "failed"]
    assert changed_ids(Invitation, lambda: in_transaction(repository.set_delivery, *outdated)) == set()


@pytest.mark.parametrize(
    "values", [{}, {"token_version": 2}, {"status": "expired"}, {"expires_at": now() - timedelta(seconds=1)}]
)
def test_accepting_changes_only_a_pending_invitation_with_the_current_token(
    invitation_id: UUID, values: dict[str, object]
) -> None:
    if values:
        set_invitation(invitation_id, **values)
    accepted = changed_ids(Invitation, lambda: in_transaction(repository.accept, invitation_id, 1))
    assert accepted == (set() if values else {invitation_id})


@pytest.mark.parametrize("email", [OTHER_GUEST, GUEST])
def test_pending_error_contains_the_id_of_the_invitation_to_the_same_email(
    ada_row: auth.UserRow, engines: UUID, invitation_id: UUID, email: str
) -> None:
    pending = {item.email: item.id for item in service.list_invitations(engines, "pending", ALL).items}
    with pytest.raises(InvitationPending) as raised:
        service.invite(engines, inviter_id=ada_row.id, inviter_role="owner", email=email, role="member")
    assert raised.value.members == {"invitation_id": pending[email]}


def test_search_for_pending_invitation_ignores_expired_one(
    ada_row: auth.UserRow, engines: UUID, invitation_id: UUID, invite: Callable[..., UUID]
) -> None:
    expire(invitation_id)
    second = invite(engines)
    assert repository.find_pending_id(engines, GUEST) == second


def test_inviting_again_expires_only_the_overdue_invitation_of_the_address(
    invite: Callable[..., UUID], engines: UUID, gardens: UUID, invitation_id: UUID
) -> None:
    other = invite(engines, "third@example.com")
    elsewhere = repository.find_pending_id(gardens, GUEST)
    for each in (invitation_id, other, elsewhere):
        assert each is not None
        expire(each)
    overdue = changed_ids(Invitation, lambda: in_transaction(repository.expire_overdue, engines, GUEST))
    assert overdue == {invitation_id}
    assert changed_ids(Invitation, lambda: in_transaction(repository.expire_overdue, engines, OTHER_GUEST)) == set()


def test_invitation_is_found_only_in_its_organization(engines: UUID, gardens: UUID, invitation_id: UUID) -> None:
    assert service.get_invitation(engines, invitation_id).id == invitation_id
    with pytest.raises(NotFound):
        service.get_invitation(gardens, invitation_id)


@pytest.mark.parametrize("status", [None, "pending", "expired"])
def test_listing_contains_only_invitations_of_the_organization(
    engines: UUID, gardens: UUID, invitation_id: UUID, status: Status | None
) -> None:
    elsewhere = repository.find_pending_id(gardens, GUEST)
    if status == "expired":
        expire(invitation_id)
        assert elsewhere is not None
        expire(elsewhere)
    assert [item.id for item in service.list_invitations(gardens, status, ALL).items] == [elsewhere]


def test_invitation_is_expired_at_the_instant_of_its_expiry(
    monkeypatch: pytest.MonkeyPatch, engines: UUID, invitation_id: UUID
) -> None:
    at = service.get_invitation(engines, invitation_id).expires_at
    for module in (repository, service):
        monkeypatch.setattr(module, "now", lambda: at)
    assert service.get_invitation(engines, invitation_id).status == "expired"
    ids = {status: {row.id for row in _listed(engines, status)} for status in ("pending", "expired")}
    assert invitation_id in ids["expired"] - ids["pending"]
    assert in_transaction(repository.accept, invitation_id, 1) is False
    assert invitation_id in changed_ids(Invitation, lambda: in_transaction(repository.expire_batch, 100))


def _listed(organization_id: UUID, status: Status) -> Sequence[InvitationRow]:
    return repository.list_invitations(organization_id, status, ALL).items
