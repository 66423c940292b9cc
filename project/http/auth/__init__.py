"""Access tokens, and the caller that they identify."""
