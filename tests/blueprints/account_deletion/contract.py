"""The contract of the account deletion blueprint."""

from tests.conformance.contract import LOGGED_IN, Contract
from tests.conformance.operation import Operation
from tests.conformance.world import Case, World
from tests.kit.clients.api import PASSWORD


def delete_account(world: World, _operation: Operation) -> Case:
    return Case(world.anonymous.as_new_user(), body={"password": PASSWORD})


contract = Contract(
    access={"POST /api/v1/auth/me/deletion": LOGGED_IN},
    recipes={"delete_account": delete_account},
    unaudited={},
)
