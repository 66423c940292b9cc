"""Builds responses: problems, `ETag`s, downloads and headers."""
