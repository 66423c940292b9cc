"""Each query selects or changes only the intended users and sessions: there are always others."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import update

from project.blueprints.auth import repository, service
from project.blueprints.auth.errors import AccountDisabled, InvalidCredentials, RefreshTokenInvalid, RefreshTokenReused
from project.blueprints.auth.models import Session, User, UserRow
from project.errors import PreconditionFailed
from project.infrastructure.clock import now
from project.infrastructure.database import transaction
from project.infrastructure.database.models import new_id
from tests.kit.fixtures.changed_rows import changed_ids
from tests.kit.fixtures.users import add_user

pytestmark = pytest.mark.usefixtures("in_shared_app")

CLIENT = service.Client("a browser", "127.0.0.1")


def log_in(user: UserRow) -> service.Grant:
    return service.open_session(user, methods=["password"], client=CLIENT)


def set_user(user: UserRow, **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(User).where(User.id == user.id).values(**values))


def set_session(grant: service.Grant, **values: object) -> None:
    with transaction() as connection:
        connection.execute(update(Session).where(Session.id == grant.session_id).values(**values))


@pytest.fixture
def grant(ada_row: UserRow) -> service.Grant:
    return log_in(ada_row)


@pytest.fixture(autouse=True)
def _others(ada_row: UserRow, grant: service.Grant) -> None:
    """A newer user with a session, and a newer session of Ada."""
    log_in(add_user())
    log_in(ada_row)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"password_version": 2}, InvalidCredentials),
        ({"status": "disabled"}, AccountDisabled),
        ({"password_version": 2, "status": "disabled"}, InvalidCredentials),
    ],
)
def test_login_is_rejected_if_account_changes_after_it_was_read(
    ada_row: UserRow, values: dict[str, str], error: type[Exception]
) -> None:
    set_user(ada_row, **values)
    with pytest.raises(error):
        log_in(ada_row)


def test_renaming_a_user_changes_no_other_user(ada_row: UserRow) -> None:
    renamed = changed_ids(User, lambda: service.update_profile(ada_row.id, display_name="Ada", versions=None))
    assert renamed == {ada_row.id}


def test_updated_profile_is_returned(ada_row: UserRow) -> None:
    assert service.update_profile(ada_row.id, display_name="Ada", versions=None).display_name == "Ada"


def test_renaming_a_user_with_another_version_is_rejected(ada_row: UserRow) -> None:
    with pytest.raises(PreconditionFailed):
        service.update_profile(ada_row.id, display_name="Ada", versions=[2])


def test_verifying_a_user_changes_no_other_user(ada_row: UserRow) -> None:
    assert changed_ids(User, lambda: service.mark_verified(ada_row.id)) == {ada_row.id}
    assert service.get_user(ada_row.id).email_verified is True


def test_logging_out_ends_no_other_session(grant: service.Grant) -> None:
    assert changed_ids(Session, lambda: service.log_out(grant.session_id, user_id=grant.user_id)) == {grant.session_id}


def test_ended_session_keeps_the_time_at_which_it_ended(grant: service.Grant) -> None:
    service.log_out(grant.session_id, user_id=grant.user_id)
    assert changed_ids(Session, lambda: service.log_out(grant.session_id, user_id=grant.user_id)) == set()


def test_refreshing_changes_no_other_session(grant: service.Grant) -> None:
    assert changed_ids(Session, lambda: service.refresh(grant.refresh_token)) == {grant.session_id}


def test_reused_refresh_token_ends_only_its_own_session(grant: service.Grant) -> None:
    service.refresh(service.refresh(grant.refresh_token).refresh_token)

    def reuse() -> None:
        with pytest.raises(RefreshTokenReused):
            service.refresh(grant.refresh_token)

    assert changed_ids(Session, reuse) == {grant.session_id}


@pytest.mark.parametrize("ended", ["ended_at", "idle_until", "expires_at"])
@pytest.mark.parametrize(
    "find",
    [
        repository.find_principal,
        repository.find_live_session,
        lambda session_id: repository.rotate_session(session_id, 1, idle_until=now()),
    ],
    ids=["find_principal", "find_live_session", "rotate_session"],
)
def test_session_is_live_only_until_it_ends_or_expires(
    grant: service.Grant, monkeypatch: pytest.MonkeyPatch, find: Callable[[UUID], object], ended: str
) -> None:
    with transaction():
        assert find(grant.session_id) is not None
    at = now()
    set_session(grant, generation=1, **{ended: at})
    monkeypatch.setattr(repository.sessions, "now", lambda: at)
    with transaction():
        assert find(grant.session_id) is None


def test_principal_of_a_session_is_its_user(ada_row: UserRow, grant: service.Grant) -> None:
    principal = service.load_principal(grant.session_id, 1)
    assert principal is not None
    assert (principal.session_id, principal.user_id) == (grant.session_id, ada_row.id)


def test_session_of_a_disabled_user_has_no_principal(ada_row: UserRow, grant: service.Grant) -> None:
    set_user(ada_row, status="disabled")
    assert service.load_principal(grant.session_id, 1) is None


@pytest.mark.parametrize("presented", ["current", "previous"])
def test_session_of_a_disabled_user_cannot_be_refreshed(ada_row: UserRow, grant: service.Grant, presented: str) -> None:
    if presented == "previous":
        service.refresh(grant.refresh_token)
    set_user(ada_row, status="disabled")
    with pytest.raises(RefreshTokenInvalid):
        service.refresh(grant.refresh_token)


def test_disabled_user_does_not_affect_sessions_of_other_users(ada_row: UserRow, grant: service.Grant) -> None:
    set_user(add_user(), status="disabled")
    assert service.refresh(grant.refresh_token).session_id == grant.session_id


def test_use_of_a_generation_is_recorded_once_and_only_for_its_session(grant: service.Grant) -> None:
    assert changed_ids(Session, lambda: service.load_principal(grant.session_id, 1)) == {grant.session_id}
    assert changed_ids(Session, lambda: service.load_principal(grant.session_id, 1)) == set()


def test_use_of_an_older_generation_is_not_recorded(grant: service.Grant) -> None:
    def record(generation: int) -> None:
        with transaction():
            repository.record_use(grant.session_id, generation)

    record(2)
    assert changed_ids(Session, lambda: record(1)) == set()


def test_users_are_found_by_id_and_by_email(ada_row: UserRow) -> None:
    found = service.get_user(ada_row.id)
    assert (found.id, found.email) == (ada_row.id, ada_row.email)
    assert service.find_user_by_email(ada_row.email.upper()) == found
    assert service.get_users_by_id([ada_row.id, new_id()]) == {ada_row.id: found}


def test_active_users_are_listed_in_order_after_the_given_id(ada_row: UserRow) -> None:
    disabled, newest = add_user(), add_user()
    set_user(disabled, status="disabled")
    other = service.list_active_ids(ada_row.id, 1)
    assert other[0] > ada_row.id
    assert service.list_active_ids(other[0], 10) == [newest.id]
    assert service.list_active_ids(None, 1)[0] <= ada_row.id
