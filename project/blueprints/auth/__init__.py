"""User accounts and sessions."""
