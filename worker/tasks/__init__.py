"""The tasks: one module for each blueprint that has jobs, named after the blueprint."""
