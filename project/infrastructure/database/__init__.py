"""The database: transactions, reads, table base classes and pagination."""

from project.infrastructure.database.rows import columns_of, delete_batch, fetch_one, lock_batch, map_row
from project.infrastructure.database.transactions import (
    InnerTransactionFailed,
    after_commit,
    current_connection,
    db,
    ensure_reachable,
    execute_autocommit,
    guarded,
    in_batches,
    init_app,
    insert_if_absent,
    insert_missing,
    read,
    retry_on_conflict,
    transaction,
)

__all__ = [
    "InnerTransactionFailed",
    "after_commit",
    "columns_of",
    "current_connection",
    "db",
    "delete_batch",
    "ensure_reachable",
    "execute_autocommit",
    "fetch_one",
    "guarded",
    "in_batches",
    "init_app",
    "insert_if_absent",
    "insert_missing",
    "lock_batch",
    "map_row",
    "read",
    "retry_on_conflict",
    "transaction",
]
