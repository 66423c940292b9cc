"""Files of users and organizations, and their thumbnails."""
