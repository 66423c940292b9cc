"""Seeded faults for `./bin/verify`: a proxy that changes responses, and the changes that each step must detect."""
