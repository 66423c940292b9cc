"""W3C Trace Context: a valid `traceparent` names the trace in the log of the request and in the jobs it causes."""

import re
from typing import Any

import pytest
from flask import Flask

from project.config import Settings
from project.http.routing.access import public
from project.infrastructure import logging
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import at_work
from tests.kit.fixtures.jobs import list_jobs

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
REST = f"{TRACE}-00f067aa0ba902b7-01"
VALID = (f"00-{REST}", f"00-{REST[:-2]}ff", f"01-{REST}", f"fe-{REST}-what-comes-later", f"cc-{REST}-")
INVALID = (
    "",
    f"ff-{REST}",
    f"0-{REST}",
    f"000-{REST}",
    f"0x-{REST}",
    f"00-{REST}-",
    f"00-{REST}-more",
    f"00-{REST}0",
    f"01-{REST}0",
    f"00-{REST[:-1]}",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{REST.upper()}",
    f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
    f"00-{TRACE[:-1]}x-00f067aa0ba902b7-01",
    f"00-{TRACE}-00f067aa0ba902b-01",
    f"00-{TRACE}-00f067aa0ba902b7-0x",
    f"00_{REST}",
    f"00-{REST}, 00-{REST}",
    f"\u0660\u0660-{REST}",
)


@pytest.fixture
def seen(app: Flask) -> list[Any]:
    """What is bound to the log within each request to /seen."""
    seen: list[Any] = []

    def view() -> str:
        seen.append(logging.context()["trace_id"])
        return ""

    app.add_url_rule("/seen", view_func=view, access=public)
    return seen


@pytest.mark.parametrize("traceparent", VALID)
def test_valid_traceparent_names_the_trace(api: Api, seen: list[Any], traceparent: str) -> None:
    api.client.get("/seen", headers={"traceparent": traceparent})
    assert seen == [TRACE]


@pytest.mark.parametrize("traceparent", INVALID)
def test_invalid_traceparent_begins_a_trace(api: Api, seen: list[Any], traceparent: str) -> None:
    api.client.get("/seen", headers={"traceparent": traceparent})
    assert re.fullmatch("[0-9a-f]{32}", seen[0])
    assert seen[0] not in traceparent


def test_each_request_without_one_begins_its_own(api: Api, seen: list[Any]) -> None:
    for _ in range(2):
        api.client.get("/seen")
    assert len(set(seen)) == 2


def test_job_belongs_to_the_trace_of_the_request_that_caused_it(api: Api, settings: Settings) -> None:
    ada = api.signed_in()
    path = f"/organizations/{ada.organization()['id']}/invitations"
    body = {"email": "grace@example.com", "role": "member"}
    ada.post(path, body, headers={"traceparent": f"00-{REST}"})
    with at_work(settings):
        assert [job.trace_id for job in list_jobs()] == [TRACE]
