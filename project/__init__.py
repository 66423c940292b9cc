"""Groundwork: a Flask API foundation, built as a modular monolith in layers. See ARCHITECTURE.md."""
