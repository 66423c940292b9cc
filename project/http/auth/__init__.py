"""Access tokens, authentication and authorization."""
