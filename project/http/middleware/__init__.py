"""Processing that applies to every request, before and after its view."""
