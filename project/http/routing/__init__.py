"""The declarations of a route: access, limits and exemptions."""
