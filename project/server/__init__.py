"""The web server: gunicorn's threaded worker and HTTP/1 parser, customized."""
