"""Scrapes and parses Prometheus metrics."""

import urllib3
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, ...], float]


def parse_metrics(text: str) -> Samples:
    """Parse Prometheus text. Return each sample's value by metric name and label values (sorted by label name)."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape_metrics(port: int) -> Samples:
    """Scrape `/metrics` on a local port and return the parsed samples."""
    return parse_metrics(
        urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=False, timeout=10).data.decode()
    )
