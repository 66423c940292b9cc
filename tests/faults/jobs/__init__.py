"""Tests for jobs whose workers are killed, stopped or shut down, or whose dependencies fail."""
