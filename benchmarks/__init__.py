"""Measures the cost of requests, compared with floors that do the same work with as little code as possible."""
