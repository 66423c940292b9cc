"""Background jobs, for those who run the service."""
