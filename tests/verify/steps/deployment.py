"""Steps that start, probe and stop the deployment."""

from tests.verify.flow import step
from tests.verify.world import World


@step("a private instance starts and is ready")
def start(world: World) -> None:
    assert world.instance is not None
    world.instance.start()


@step("the web process responds", after=(start,))
def alive(world: World) -> None:
    world.client.send("GET", "/health/live").expect_success(200, status="ok")


@step("database, migrations, storage and broker are available", after=(alive,))
def ready(world: World) -> None:
    world.client.send("GET", "/health/ready").expect_success(200, status="ok")


@step("SIGINT: exit status 0, no remaining processes", after=(start,))
def stop(world: World) -> None:
    assert world.instance is not None
    world.instance.stop()
