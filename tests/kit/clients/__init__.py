"""Clients of the API, and checks of its responses."""
