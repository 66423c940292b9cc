"""Accounts and sessions: the public interface of the blueprint."""

from project.blueprints.auth.models import ProfileRow, UserRow
from project.blueprints.auth.policy import email_key
from project.blueprints.auth.service.accounts import (
    find_user_by_email,
    get_user,
    get_users_by_id,
    list_active_ids,
    mark_verified,
    update_profile,
)
from project.blueprints.auth.service.administration import (
    create_admin,
    delete_user,
    end_user_sessions,
    get_profile,
    list_profiles,
    update_access,
)
from project.blueprints.auth.service.email_addresses import (
    change_email,
    confirm_email,
    request_email_verification,
    send_verification,
)
from project.blueprints.auth.service.notices import send_notice
from project.blueprints.auth.service.password_changes import change_password, verify_password
from project.blueprints.auth.service.password_resets import (
    request_password_reset,
    reset_password,
    send_password_reset,
    start_password_reset,
)
from project.blueprints.auth.service.registration import register, register_verified, repeat_registration
from project.blueprints.auth.service.retention import purge_sessions, purge_unused_accounts
from project.blueprints.auth.service.sessions import (
    Client,
    Grant,
    SessionView,
    end_all_sessions,
    end_session,
    list_sessions,
    load_principal,
    log_in,
    log_out,
    open_session,
    refresh,
)

__all__ = [
    "Client",
    "Grant",
    "ProfileRow",
    "SessionView",
    "UserRow",
    "change_email",
    "change_password",
    "confirm_email",
    "create_admin",
    "delete_user",
    "email_key",
    "end_all_sessions",
    "end_session",
    "end_user_sessions",
    "find_user_by_email",
    "get_profile",
    "get_user",
    "get_users_by_id",
    "list_active_ids",
    "list_profiles",
    "list_sessions",
    "load_principal",
    "log_in",
    "log_out",
    "mark_verified",
    "open_session",
    "purge_sessions",
    "purge_unused_accounts",
    "refresh",
    "register",
    "register_verified",
    "repeat_registration",
    "request_email_verification",
    "request_password_reset",
    "reset_password",
    "send_notice",
    "send_password_reset",
    "send_verification",
    "start_password_reset",
    "update_access",
    "update_profile",
    "verify_password",
]
