"""Real services, deployments and clients for tests. Each server listens on its own free loopback ports."""
