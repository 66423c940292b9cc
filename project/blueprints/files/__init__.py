"""Personal files, organization files, and their thumbnails."""
