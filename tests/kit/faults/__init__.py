"""Fault injection for real processes and their connections."""
