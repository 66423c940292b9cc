"""API clients, and checks of the responses that they receive."""
