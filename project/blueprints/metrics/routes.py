"""Metrics, on the port of web. No part of the API: it is registered only where METRICS_TOKEN is set."""

from flask import Blueprint, Response

from project.http.routing.access import scraper
from project.infrastructure import metrics

blueprint = Blueprint("metrics", __name__)


# Prometheus finds the instances of a service by their addresses.
@blueprint.get("/metrics", access=scraper, json=False, any_host=True)
def show_metrics() -> Response:
    return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)
