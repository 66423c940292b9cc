"""Names of the background jobs of files."""

MAKE_THUMBNAILS = "files.make_thumbnails"
PURGE = "files.purge"
