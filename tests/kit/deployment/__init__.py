"""Whole deployments in real processes, and the means to inspect them."""
