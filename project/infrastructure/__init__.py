"""Access to external systems: database, job table, storage, mail, clock and logs."""
