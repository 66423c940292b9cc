"""Health checks, public keys and the API document."""
