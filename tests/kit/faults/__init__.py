"""Faults for real processes and their connections."""
