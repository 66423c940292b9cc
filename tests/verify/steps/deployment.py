"""That there is something to verify."""

from tests.verify.flow import step
from tests.verify.world import World


@step("a private instance, ready to serve")
def start(world: World) -> None:
    assert world.instance is not None
    world.instance.start()


@step("the process serves", after=(start,))
def alive(world: World) -> None:
    world.client.send("GET", "/health/live").succeeded(200, status="ok")


@step("database, migrations, storage and broker are fit", after=(alive,))
def ready(world: World) -> None:
    world.client.send("GET", "/health/ready").succeeded(200, status="ok")


@step("an interrupt ends it: exit status 0, no process left behind", after=(start,))
def stop(world: World) -> None:
    assert world.instance is not None
    world.instance.stop()
