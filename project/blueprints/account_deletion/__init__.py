"""Deletion of the caller's account, with what belongs to it in other blueprints."""
