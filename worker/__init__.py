"""The Celery worker: a thin adapter around create_app(), in which each task calls one service function."""
