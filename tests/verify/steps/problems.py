"""Refusals that have nothing to do with any one resource."""

from tests.verify.checks import Failed
from tests.verify.flow import step
from tests.verify.steps.deployment import alive
from tests.verify.world import World


@step("404, a problem that carries the request's id", after=(alive,))
def unknown_path(world: World) -> None:
    answer = world.client.send("GET", "/no/such/path").refused(404, "not-found")
    answer.sent(X_Request_ID=answer.request_id)


@step("422, a problem that points at each wrong value", after=(alive,))
def invalid_body(world: World) -> None:
    body = {"email": "nobody", "password": world.anyone.password, "surprise": 1}
    answer = world.anyone.post("/auth/register", json=body).refused(422, "validation-failed")
    pointers = {error["pointer"] for error in answer.problem["errors"]}
    if pointers != {"/email", "/surprise"}:
        raise Failed(answer.request, "errors at /email and /surprise", ", ".join(sorted(pointers)))
