"""Inviting people into an organization by mail."""
