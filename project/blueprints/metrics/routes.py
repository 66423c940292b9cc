"""The metrics route of the web process. Not part of the API; registered only if METRICS_TOKEN is set."""

from flask import Blueprint, Response

from project.http.routing.access import scraper
from project.infrastructure import metrics

blueprint = Blueprint("metrics", __name__)


# Allow any host: Prometheus scrapes each instance by IP address.
@blueprint.get("/metrics", access=scraper, json=False, any_host=True)
def show_metrics() -> Response:
    return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)
