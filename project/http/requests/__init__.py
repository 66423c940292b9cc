"""Parses requests: JSON bodies, uploads and pagination."""
