"""Builds responses: problem details, `ETag`s, downloads and headers."""
