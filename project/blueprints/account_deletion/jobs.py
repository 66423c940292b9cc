"""Names of the account deletion blueprint's background jobs."""

TRASH_FILES = "account_deletion.trash_files"
