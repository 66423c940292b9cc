"""Names of the files blueprint's background jobs."""

MAKE_THUMBNAILS = "files.make_thumbnails"
PURGE = "files.purge"
