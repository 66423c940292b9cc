"""Seeded faults for `./bin/verify`: a proxy that changes one response, and for each step the changes to detect."""
