"""The database: transactions, reads, table base classes and pagination."""

from project.infrastructure.database.session import (
    InnerFailed,
    after_commit,
    current_session,
    db,
    ensure_reachable,
    guarded,
    init_app,
    insert_absent,
    insert_if_absent,
    read,
    read_apart,
    repeated,
    transaction,
    write_alone,
)

__all__ = [
    "InnerFailed",
    "after_commit",
    "current_session",
    "db",
    "ensure_reachable",
    "guarded",
    "init_app",
    "insert_absent",
    "insert_if_absent",
    "read",
    "read_apart",
    "repeated",
    "transaction",
    "write_alone",
]
