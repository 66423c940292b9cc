"""The tasks of the auth blueprint."""

from datetime import datetime
from uuid import UUID

from project.blueprints.auth import service
from project.blueprints.auth.jobs import (
    PURGE_SESSIONS,
    PURGE_UNUSED_ACCOUNTS,
    REPEAT_REGISTRATION,
    SEND_NOTICE,
    SEND_RESET,
    SEND_VERIFICATION,
    START_RESET,
)
from project.blueprints.auth.mail import Notice
from project.infrastructure.mail import MailRejected
from worker.runner import job


@job(SEND_VERIFICATION, permanent=(MailRejected, ValueError))
def send_verification(user_id: str, token_version: int) -> None:
    service.send_verification(UUID(user_id), token_version)


@job(REPEAT_REGISTRATION)
def repeat_registration(email_key: str, requested_at: str) -> None:
    service.repeat_registration(email_key, requested_at=datetime.fromisoformat(requested_at))


@job(START_RESET)
def start_password_reset(email_key: str, requested_at: str) -> None:
    service.start_password_reset(email_key, requested_at=datetime.fromisoformat(requested_at))


@job(SEND_RESET, permanent=(MailRejected, ValueError))
def send_password_reset(user_id: str, token_version: int) -> None:
    service.send_password_reset(UUID(user_id), token_version)


@job(SEND_NOTICE, permanent=(MailRejected, ValueError))
def send_notice(notice: Notice, user_id: str, to: str, at: str) -> None:
    service.send_notice(notice, user_id=UUID(user_id), to=to, at=datetime.fromisoformat(at))


@job(PURGE_SESSIONS)
def purge_sessions() -> None:
    service.purge_sessions()


@job(PURGE_UNUSED_ACCOUNTS)
def purge_unused_accounts() -> None:
    service.purge_unused_accounts()
