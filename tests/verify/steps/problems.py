"""Steps for problems that any operation can return."""

from tests.verify.checks import Failed
from tests.verify.flow import step
from tests.verify.steps.deployment import alive
from tests.verify.world import World


@step("404 not-found, with the id of the request", after=(alive,))
def unknown_path(world: World) -> None:
    response = world.client.send("GET", "/no/such/path").expect_problem(404, "not-found")
    response.expect_headers(X_Request_ID=response.request_id)


@step("422 validation-failed, with a pointer to each invalid value", after=(alive,))
def invalid_body(world: World) -> None:
    body = {"email": "not-an-email", "password": world.anonymous.password, "unknown": 1}
    response = world.anonymous.post("/auth/register", json=body).expect_problem(422, "validation-failed")
    pointers = {error["pointer"] for error in response.problem["errors"]}
    if pointers != {"/email", "/unknown"}:
        raise Failed(response.request, "errors at /email and /unknown", ", ".join(sorted(pointers)))
