"""Atomicity: an operation takes effect completely or not at all if its process is killed at any step."""

import signal

import pytest

from tests.interruptions import job_flows, keyed_flows, request_flows
from tests.interruptions.flows import Flow, World

REQUESTS = [
    request_flows.Register,
    request_flows.Refresh,
    request_flows.CreateOrganization,
    request_flows.Invite,
    request_flows.Accept,
    request_flows.RegisterInvited,
    request_flows.Upload,
    request_flows.Trash,
]
KEYED = [
    keyed_flows.CreateOrganization,
    keyed_flows.Invite,
    keyed_flows.Upload,
    pytest.param(keyed_flows.Register, marks=pytest.mark.full),
]
JOBS = [
    job_flows.SendInvitation,
    job_flows.MakeThumbnails,
    job_flows.PurgeUploads,
    pytest.param(job_flows.PurgeTrash, marks=pytest.mark.full),
]


@pytest.mark.parametrize("flow", [*REQUESTS, *JOBS], ids=lambda flow: flow.__name__)
def test_operation_killed_at_any_step_takes_effect_completely_or_not_at_all(
    flow: type[Flow], shared_world: World
) -> None:
    kill_at_each_step(flow, shared_world)


@pytest.mark.parametrize("flow", KEYED, ids=lambda flow: flow.__name__)
def test_retry_with_key_succeeds_after_process_is_killed_at_any_step(flow: type[Flow], shared_world: World) -> None:
    kill_at_each_step(flow, shared_world)


def kill_at_each_step(flow: type[Flow], world: World) -> None:
    uninterrupted = world.run(flow(world).operation)
    assert uninterrupted.exit_code == 0, uninterrupted.steps[-1]
    assert f"committed {flow.decisive_commit}" in uninterrupted.steps
    for step in uninterrupted.steps:
        interrupted = flow(world)
        result = world.run(interrupted.operation, kill_at=step)
        assert (result.exit_code, result.steps[-1]) == (-signal.SIGKILL, step)
        done = interrupted.is_done()
        assert done == (f"committed {flow.decisive_commit}" in result.steps), step
        interrupted.repeat(done=done)
        assert interrupted.is_done(), step
