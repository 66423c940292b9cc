"""The gunicorn worker and HTTP parser."""
