"""Administration of users: routes for admins."""
