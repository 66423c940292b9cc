"""`./bin/verify`: runs every platform flow against a deployment, using only its HTTP API."""
