"""How gunicorn serves `wsgi:app`. It reads this file by itself."""

from project.config import Settings

_settings = Settings.load()

bind = f"{_settings.host}:{_settings.port}"
worker_class = "project.server.worker.Worker"
workers = _settings.web_concurrency
threads = _settings.web_threads
# Imported once, before the processes fork: create_app() connects to nothing, so they share nothing live.
preload_app = True
timeout = 60
graceful_timeout = 25
keepalive = 5
# What a proxy says of its client is believed in one place, by TRUSTED_PROXIES; gunicorn would believe any on this host.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# The application logs each request once, with its id.
accesslog = None
# A socket to steer gunicorn by is a door nobody here uses.
control_socket_disable = True
