"""The HTTP conventions that all blueprints share."""
