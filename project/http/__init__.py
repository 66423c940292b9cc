"""The HTTP contract that all blueprints share."""
