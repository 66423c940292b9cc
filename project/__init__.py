"""Groundwork: a Flask API foundation, built as a layered modular monolith. See ARCHITECTURE.md."""
