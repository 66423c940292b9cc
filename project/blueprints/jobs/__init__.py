"""Administration of background jobs."""
