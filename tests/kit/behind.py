"""Looks behind a deployment, past every proxy: at its rows, objects and mail, by the means of those who keep them."""

import email
import email.policy
import sqlite3
from abc import abstractmethod
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
from minio import Minio


@dataclass(frozen=True)
class Behind:
    """What a deployment keeps. Mail is in a folder, one file for each time that a message was delivered."""

    mailbox: Path

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers."""

    @abstractmethod
    def objects(self) -> set[str]:
        """The key of each object in the store."""

    def mails(self) -> list[EmailMessage]:
        """The messages that were delivered."""
        files = [path.read_bytes() for path in self.mailbox.glob("*.eml")]
        return [email.message_from_bytes(file, policy=email.policy.default) for file in files]


@dataclass(frozen=True)
class BehindServices(Behind):
    """PostgreSQL and an S3-compatible store."""

    database_url: str
    store: Minio
    bucket: str

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def objects(self) -> set[str]:
        return {str(each.object_name) for each in self.store.list_objects(self.bucket, recursive=True)}


@dataclass(frozen=True)
class BehindFolder(Behind):
    """Everything embedded in a folder."""

    folder: Path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "app.db", timeout=15, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def objects(self) -> set[str]:
        store = self.folder / "files"
        return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
