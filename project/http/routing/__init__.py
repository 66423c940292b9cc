"""What a route declares."""
