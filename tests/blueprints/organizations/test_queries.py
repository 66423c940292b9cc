"""Each query selects only the intended organizations and members: there are two organizations with two members."""

from itertools import count
from uuid import UUID

import pytest

from project.blueprints.auth import service as auth
from project.blueprints.organizations import service
from project.errors import NotFound, PermissionDenied
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import PageRequest
from tests.kit.fixtures.users import add_user

pytestmark = pytest.mark.usefixtures("in_shared_app")

ALL = PageRequest(100)
_numbers = count(1)


def add_organization(owner: auth.UserRow) -> UUID:
    return service.create_organization(owner_id=owner.id, name=f"Organization {next(_numbers)}", slug=None).id


@pytest.fixture
def eve() -> auth.UserRow:
    return add_user()


@pytest.fixture
def engines(ada_row: auth.UserRow) -> UUID:
    """An organization of Ada with a member."""
    organization_id = add_organization(ada_row)
    service.add_member(organization_id, add_user(), "member")
    return organization_id


@pytest.fixture(autouse=True)
def gardens(ada_row: auth.UserRow, eve: auth.UserRow, engines: UUID) -> UUID:
    """A newer organization, of Eve, in which Ada is a member."""
    organization_id = add_organization(eve)
    service.add_member(organization_id, ada_row, "member")
    return organization_id


def test_role_lookup_returns_the_role_in_the_organization(
    ada_row: auth.UserRow, eve: auth.UserRow, engines: UUID, gardens: UUID
) -> None:
    assert [service.ensure_member(each, ada_row.id) for each in (engines, gardens)] == ["owner", "member"]
    assert [service.get_organization(each, ada_row.id).role for each in (engines, gardens)] == ["owner", "member"]
    assert service.ensure_member(gardens, eve.id) == "owner"


def test_member_of_another_organization_is_not_a_member(eve: auth.UserRow, engines: UUID) -> None:
    assert service.is_member(engines, eve.id) is False
    with pytest.raises(NotFound):
        service.ensure_member(engines, eve.id)
    with pytest.raises(NotFound):
        service.get_organization(engines, eve.id)


def test_member_lacks_the_permissions_of_an_admin(ada_row: auth.UserRow, gardens: UUID) -> None:
    with pytest.raises(PermissionDenied):
        service.ensure_member(gardens, ada_row.id, role="admin")


def test_name_lookup_returns_the_name_of_the_organization(ada_row: auth.UserRow, engines: UUID, gardens: UUID) -> None:
    for organization_id in (engines, gardens):
        assert service.get_name(organization_id) == service.get_organization(organization_id, ada_row.id).name
    with pytest.raises(NotFound):
        service.get_name(new_id())


def test_listings_contain_only_rows_of_the_user_or_organization(
    ada_row: auth.UserRow, eve: auth.UserRow, engines: UUID, gardens: UUID
) -> None:
    assert [item.id for item in service.list_organizations(ada_row.id, ALL).items] == [gardens, engines]
    assert [item.id for item in service.list_organizations(eve.id, ALL).items] == [gardens]
    assert [item.user_id for item in service.list_members(gardens, ALL).items] == [ada_row.id, eve.id]
