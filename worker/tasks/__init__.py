"""One module a blueprint that has jobs."""
