"""The worker: Celery around create_app(). A thin adapter, in which each task calls one service function."""
