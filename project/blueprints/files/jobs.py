"""Names of the files blueprint's background jobs, and the intervals of the periodic ones."""

from datetime import timedelta

MAKE_THUMBNAILS = "files.make_thumbnails"
ADD_THUMBNAILS = "files.add_thumbnails"
PURGE = "files.purge"

PERIODIC = {ADD_THUMBNAILS: timedelta(minutes=1), PURGE: timedelta(hours=1)}
