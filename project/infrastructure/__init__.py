"""The world outside: database, job table, storage, mail, clock, logs."""
