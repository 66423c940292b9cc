"""Name of the audit blueprint's background job, and its interval."""

from datetime import timedelta

PURGE_ENTRIES = "audit.purge_entries"

PERIODIC = {PURGE_ENTRIES: timedelta(hours=1)}
