"""What the platform itself must clear away now and then."""

from celery import shared_task

from project.infrastructure import idempotency

FORGET_KEYS = "worker.forget_idempotency_keys"


@shared_task(name=FORGET_KEYS)
def forget_idempotency_keys() -> None:
    """Forget the idempotency keys that have expired."""
    idempotency.sweep()
