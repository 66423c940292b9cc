"""Runs operations in every order of their SQL statements, on PostgreSQL, and compares the results with serial runs."""
