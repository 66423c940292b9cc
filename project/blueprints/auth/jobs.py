"""Names of the auth blueprint's background jobs, and the intervals of the periodic ones."""

from datetime import timedelta

SEND_VERIFICATION = "auth.send_verification"
START_RESET = "auth.start_password_reset"
SEND_RESET = "auth.send_password_reset"
REPEAT_REGISTRATION = "auth.repeat_registration"
SEND_NOTICE = "auth.send_notice"
PURGE_SESSIONS = "auth.purge_sessions"
PURGE_UNUSED_ACCOUNTS = "auth.purge_unused_accounts"

PERIODIC = dict.fromkeys((PURGE_SESSIONS, PURGE_UNUSED_ACCOUNTS), timedelta(hours=1))
