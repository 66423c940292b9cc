"""Real services for tests and for hand work, each on free loopback ports of its own."""
