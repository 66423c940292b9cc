"""Reading metrics as Prometheus does."""

import urllib3
from prometheus_client.parser import text_string_to_metric_families

Measured = dict[tuple[str, ...], float]


def measured(text: str) -> Measured:
    """Every value, by its name and the values of its labels, these in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(port: int) -> Measured:
    """What is served on a port of this machine."""
    return measured(urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=False, timeout=10).data.decode())
