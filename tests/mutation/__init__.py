"""Mutation testing: makes small changes to the code and reports those that no test detects."""
