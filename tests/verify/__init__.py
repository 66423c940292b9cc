"""`./bin/verify`: every platform flow against a running deployment, by its HTTP contract alone."""
