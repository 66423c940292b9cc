"""W3C Trace Context: a valid `traceparent` sets the trace ID of the request's log events and jobs."""

import re
from typing import Any

import pytest
from flask import Flask

from project.blueprints.invitations.jobs import SEND_INVITATION
from project.config import Settings
from project.http.routing.access import public
from project.infrastructure import logging
from tests.kit.clients.api import Api
from tests.kit.fixtures.apps import separate_app_context
from tests.kit.fixtures.jobs import list_jobs

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
REST = f"{TRACE_ID}-00f067aa0ba902b7-01"
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
    f"00-{TRACE_ID}-{'0' * 16}-01",
    f"00-{REST.upper()}",
    f"00-{TRACE_ID[:-1]}-00f067aa0ba902b7-01",
    f"00-{TRACE_ID[:-1]}x-00f067aa0ba902b7-01",
    f"00-{TRACE_ID}-00f067aa0ba902b-01",
    f"00-{TRACE_ID}-00f067aa0ba902b7-0x",
    f"00_{REST}",
    f"00-{REST}, 00-{REST}",
    f"\u0660\u0660-{REST}",
)


@pytest.fixture
def trace_ids(app: Flask) -> list[Any]:
    """The trace ID in the log context of each request to `/trace`, in order."""
    trace_ids: list[Any] = []

    def view() -> str:
        trace_ids.append(logging.context()["trace_id"])
        return ""

    app.add_url_rule("/trace", view_func=view, access=public)
    return trace_ids


@pytest.mark.parametrize("traceparent", VALID)
def test_valid_traceparent_sets_trace_id(api: Api, trace_ids: list[Any], traceparent: str) -> None:
    api.client.get("/trace", headers={"traceparent": traceparent})
    assert trace_ids == [TRACE_ID]


@pytest.mark.parametrize("traceparent", INVALID)
def test_invalid_traceparent_starts_a_new_trace(api: Api, trace_ids: list[Any], traceparent: str) -> None:
    api.client.get("/trace", headers={"traceparent": traceparent})
    assert re.fullmatch("[0-9a-f]{32}", trace_ids[0])
    assert trace_ids[0] not in traceparent


def test_each_request_without_traceparent_starts_a_new_trace(api: Api, trace_ids: list[Any]) -> None:
    for _ in range(2):
        api.client.get("/trace")
    assert len(set(trace_ids)) == 2


def test_job_has_the_trace_id_of_the_request_that_enqueued_it(api: Api, settings: Settings) -> None:
    ada = api.as_new_user()
    path = f"/organizations/{ada.organization()['id']}/invitations"
    body = {"email": "grace@example.com", "role": "member"}
    ada.post(path, body, headers={"traceparent": f"00-{REST}"})
    with separate_app_context(settings):
        assert [job.trace_id for job in list_jobs(SEND_INVITATION)] == [TRACE_ID]
