"""Reading requests: bodies, forms, pages."""
