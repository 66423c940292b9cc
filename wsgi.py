"""Web entry point, for `gunicorn wsgi:app` and `flask --app wsgi …`."""

from project.app import create_app
from project.config import Settings
from worker.broker import CeleryBroker

settings = Settings.load()
app = create_app(settings, broker=CeleryBroker(settings))
