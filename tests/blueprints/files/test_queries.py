"""Each query selects or changes only the intended files: there are two in each status."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.auth import service as auth
from project.blueprints.files import repository, service
from project.blueprints.files.models import File, FileLocation, FileRow, FileStatus
from project.blueprints.files.service.trash import purge_file
from project.blueprints.organizations import service as organizations
from project.errors import NotFound
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from project.infrastructure.database.pagination import PageRequest
from tests.kit.fixtures.changed_rows import changed_ids
from tests.kit.fixtures.users import add_user

pytestmark = pytest.mark.usefixtures("in_shared_app")

ALL = PageRequest(100)
STATUSES: tuple[FileStatus, ...] = ("pending", "stored", "trashed", "purging")
TYPES = ("text/plain", "image/png")


@pytest.fixture
def member(engines: UUID) -> auth.UserRow:
    user = add_user()
    organizations.add_member(engines, user, "member")
    return user


def store(location: FileLocation, organization_id: UUID | None = None, content_type: str = TYPES[0]) -> object:
    values = {"filename": "name", "size": 1, "sha256": "0" * 64}
    with transaction():
        return repository.store_file(
            location.id,
            organization_id=organization_id,
            content_type=content_type,
            thumbnails="unsupported",
            **values,
        )


def set_file(file_id: UUID, **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(File).where(File.id == file_id).values(**values))


def add_file(
    owner: auth.UserRow, status: FileStatus, organization_id: UUID | None = None, content_type: str = TYPES[0]
) -> FileLocation:
    with transaction():
        location = repository.add_pending(owner.id)
    store(location, organization_id, content_type)
    set_file(location.id, status=status)
    return location


@pytest.fixture(autouse=True)
def files(ada_row: auth.UserRow) -> dict[FileStatus, FileLocation]:
    """A file of Ada in each status. Another user has one in each status as well."""
    other = add_user()
    for status in STATUSES:
        add_file(other, status)
    return {status: add_file(ada_row, status) for status in STATUSES}


Files = dict[FileStatus, FileLocation]


def in_transaction(function: Callable[..., object], *arguments: object) -> object:
    with transaction():
        return function(*arguments)


def rename(file_id: UUID, versions: list[int] | None) -> FileRow | None:
    return repository.update_file(file_id, versions=versions, filename="new")


def test_renaming_a_file_changes_no_other_file(ada_row: auth.UserRow, files: Files) -> None:
    file_id = files["stored"].id
    renamed = changed_ids(File, lambda: service.update_file(file_id, ada_row.id, filename="new", versions=None))
    assert renamed == {file_id}


def test_trashing_a_file_changes_no_other_file(ada_row: auth.UserRow, files: Files) -> None:
    file_id = files["stored"].id
    assert changed_ids(File, lambda: service.trash_file(file_id, ada_row.id, versions=None)) == {file_id}


def test_file_with_another_version_is_neither_renamed_nor_trashed(files: Files) -> None:
    file_id = files["stored"].id
    assert in_transaction(rename, file_id, [99]) is None
    assert in_transaction(repository.trash_file, file_id, [99]) is False


@pytest.mark.parametrize("status", ["pending", "trashed", "purging"])
def test_only_stored_files_can_be_renamed_and_trashed(files: Files, status: FileStatus) -> None:
    file_id = files[status].id
    assert in_transaction(rename, file_id, None) is None
    assert in_transaction(repository.trash_file, file_id, None) is False


def test_marking_thumbnails_failed_changes_no_other_file(files: Files) -> None:
    file_id = files["stored"].id
    assert changed_ids(File, lambda: service.mark_thumbnails_failed(file_id)) == {file_id}


def test_marking_thumbnails_ready_changes_no_other_file(files: Files) -> None:
    file_id = files["stored"].id
    ready = changed_ids(File, lambda: in_transaction(repository.mark_thumbnails_ready, file_id, ["small"]))
    assert ready == {file_id}


@pytest.mark.parametrize("status", STATUSES)
def test_only_pending_upload_is_stored(files: Files, status: FileStatus) -> None:
    file = files[status]
    assert changed_ids(File, lambda: store(file)) == ({file.id} if status == "pending" else set())


@pytest.mark.parametrize("status", ["pending", "trashed", "purging"])
def test_purging_a_file_deletes_no_other_file(files: Files, status: FileStatus) -> None:
    file = files[status]
    assert changed_ids(File, lambda: purge_file(file, status)) == {file.id}
    assert changed_ids(File, lambda: purge_file(file, status)) == set()


@pytest.mark.parametrize("status", ["pending", "trashed"])
def test_purge_begins_only_if_the_status_is_unchanged(files: Files, status: FileStatus) -> None:
    file_id = files["stored"].id
    assert changed_ids(File, lambda: purge_file(files["stored"], status)) == set()
    assert in_transaction(repository.begin_purge, file_id, status) is False
    assert changed_ids(File, lambda: in_transaction(repository.delete_row, file_id)) == set()


@pytest.mark.parametrize("status", STATUSES)
def test_only_stored_and_trashed_files_are_found(ada_row: auth.UserRow, files: Files, status: FileStatus) -> None:
    file_id = files[status].id
    if status in ("stored", "trashed"):
        assert service.get_file(file_id, ada_row.id).id == file_id
    else:
        with pytest.raises(NotFound):
            service.get_file(file_id, ada_row.id)


@pytest.mark.parametrize("status", STATUSES)
def test_only_old_files_with_the_given_status_are_overdue(files: Files, status: FileStatus) -> None:
    at = now()
    for each in files.values():
        set_file(each.id, updated_at=at - timedelta(days=2))
    overdue = repository.list_overdue(status, at - timedelta(days=1), 10)
    assert files[status] in overdue
    assert files.keys() & {each for each in STATUSES if files[each] in overdue} == {status}
    assert files[status] not in repository.list_overdue(status, at - timedelta(days=3), 10)


def list_ids(user: auth.UserRow, organization_id: UUID | None, status: FileStatus, type_: str | None) -> list[UUID]:
    page = service.list_files(user.id, ALL, organization_id=organization_id, content_type=type_, status=status)
    return [file.id for file in page.items]


@pytest.mark.parametrize("status", ["stored", "trashed"])
def test_listings_contain_exactly_the_files_that_a_plain_member_may_see(
    ada_row: auth.UserRow, member: auth.UserRow, engines: UUID, status: FileStatus
) -> None:
    gardens = organizations.create_organization(owner_id=member.id, name="Gardens", slug=None).id
    add_file(member, status, gardens)
    add_file(member, "stored" if status == "trashed" else "trashed", engines)
    of_ada, text, image = (
        add_file(owner, status, engines, content_type).id
        for owner, content_type in ((ada_row, TYPES[0]), (member, TYPES[0]), (member, TYPES[1]))
    )
    shared = [image, text, of_ada] if status == "stored" else [image, text]
    assert list_ids(member, engines, status, None) == shared
    assert list_ids(member, engines, status, TYPES[1]) == [image]
    assert list_ids(ada_row, engines, status, None) == [image, text, of_ada]
    personal = add_file(member, status, None, TYPES[1]).id
    add_file(member, "stored" if status == "trashed" else "trashed")
    assert list_ids(member, None, status, None) == list_ids(member, None, status, TYPES[1]) == [personal]
    assert list_ids(member, None, status, TYPES[0]) == []


def test_purge_may_begin_if_the_row_no_longer_exists() -> None:
    assert in_transaction(repository.begin_purge, new_id(), "pending") is True


@pytest.mark.parametrize("status", ["pending", "trashed", "purging"])
def test_purge_deletes_overdue_files_of_each_status(ada_row: auth.UserRow, files: Files, status: FileStatus) -> None:
    set_file(files[status].id, updated_at=now() - timedelta(days=365))
    assert files[status].id in changed_ids(File, service.purge_files)


def test_file_is_overdue_only_after_its_retention_period(files: Files) -> None:
    at = now() - timedelta(days=365)
    set_file(files["trashed"].id, updated_at=at)
    assert files["trashed"] not in repository.list_overdue("trashed", at, 10)


def test_new_name_is_made_safe(ada_row: auth.UserRow, files: Files) -> None:
    renamed = service.update_file(files["stored"].id, ada_row.id, filename="../a:b.txt", versions=None)
    assert renamed.filename == "a_b.txt"
