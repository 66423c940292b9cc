"""Faults for `./bin/verify` to find: a proxy that falsifies one answer, and for each step what to falsify."""
