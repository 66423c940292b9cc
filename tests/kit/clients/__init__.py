"""API clients, and checks on the responses that they receive."""
