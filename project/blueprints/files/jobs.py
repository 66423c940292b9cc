"""Names of the files blueprint's background jobs, and the intervals of the periodic ones."""

from datetime import timedelta

MAKE_THUMBNAILS = "files.make_thumbnails"
PURGE = "files.purge"

PERIODIC = {PURGE: timedelta(hours=1)}
