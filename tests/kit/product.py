"""A job as a product has them; a worker loads it with `--include tests.kit.product`."""

from sqlalchemy import text

from project.infrastructure.database import transaction
from worker.runner import job


@job("kit.effect")
def effect(number: int) -> None:
    """Have an effect that is the same when it is had twice, and note the run."""
    with transaction() as session:
        session.execute(text("INSERT INTO effects VALUES (:number) ON CONFLICT DO NOTHING"), {"number": number})
        session.execute(text("INSERT INTO runs VALUES (:number)"), {"number": number})
