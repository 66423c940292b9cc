"""Access tokens, and authentication and authorization of the caller."""
