"""Purges sessions and accounts whose retention period has ended."""

from collections.abc import Callable
from datetime import datetime, timedelta

from project.blueprints.auth import repository
from project.config import current_settings
from project.infrastructure.clock import now
from project.infrastructure.database import in_batches

_BATCH_SIZE = 1000


def purge_sessions() -> None:
    """Delete the sessions that ended or expired SESSION_RETENTION_SECONDS ago, with their IP addresses."""
    _purge(repository.purge_sessions, current_settings().session_retention_seconds)


def purge_unused_accounts() -> None:
    """Delete the unverified accounts that were registered UNUSED_ACCOUNT_RETENTION_SECONDS ago and never used."""
    _purge(repository.purge_unused_users, current_settings().unused_account_retention_seconds)


def _purge(purge_batch: Callable[[datetime, int], int], retention_seconds: int) -> None:
    before = now() - timedelta(seconds=retention_seconds)
    in_batches(lambda limit: purge_batch(before, limit), _BATCH_SIZE)
