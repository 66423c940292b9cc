"""Complete deployments in real processes, and ways to inspect their state."""
