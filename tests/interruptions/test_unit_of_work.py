"""The unit of work: the process is killed between any two of its steps, and what is left is all or nothing."""

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
ERRANDS = [
    job_flows.SendInvitation,
    job_flows.MakeThumbnails,
    job_flows.SweepUploads,
    pytest.param(job_flows.PurgeTrash, marks=pytest.mark.full),
]


@pytest.mark.parametrize("flow", [*REQUESTS, *ERRANDS], ids=lambda flow: flow.__name__)
def test_a_process_killed_at_any_step_has_done_all_or_nothing(flow: type[Flow], shared_world: World) -> None:
    kill_at_each_step(flow, shared_world)


@pytest.mark.parametrize("flow", KEYED, ids=lambda flow: flow.__name__)
def test_a_key_gets_the_success_whichever_step_the_process_was_killed_at(flow: type[Flow], shared_world: World) -> None:
    kill_at_each_step(flow, shared_world)


def kill_at_each_step(flow: type[Flow], world: World) -> None:
    steps = world.doomed(flow(world).order).steps
    assert f"committed {flow.decisive}" in steps
    for step in steps:
        interrupted = flow(world)
        ended = world.doomed(interrupted.order, kill_at=step)
        assert (ended.how, ended.steps[-1]) == (-signal.SIGKILL, step)
        done = interrupted.is_done()
        assert done == (f"committed {flow.decisive}" in ended.steps), step
        interrupted.repeat(done=done)
        assert interrupted.is_done(), step
