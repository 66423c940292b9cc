"""Jobs: Celery around create_app(). A thin adapter: a task calls one service function."""
