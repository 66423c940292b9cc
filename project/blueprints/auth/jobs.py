"""Names of the auth blueprint's background jobs."""

SEND_VERIFICATION = "auth.send_verification"
START_RESET = "auth.start_password_reset"
SEND_RESET = "auth.send_password_reset"
REPEAT_REGISTRATION = "auth.repeat_registration"
SEND_NOTICE = "auth.send_notice"
