"""Writing responses: problems, versions, downloads and headers."""
