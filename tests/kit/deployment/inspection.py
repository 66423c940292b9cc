"""Direct access to a deployment's rows, objects, messages and emails, bypassing the fault proxies."""

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

from tests.kit.servers.rabbitmq import RabbitMQ
from tests.kit.servers.redis import Redis


@dataclass(frozen=True)
class Inspection:
    """Reads the stored state of a deployment. `mailbox` contains one file per email delivery."""

    mailbox: Path
    database_url: str

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute an SQL statement and return its rows."""

    @abstractmethod
    def objects(self) -> set[str]:
        """Return the key of each object in the store."""

    @abstractmethod
    def count_messages(self) -> int:
        """Return the number of broker messages that no worker has received."""

    @abstractmethod
    def drop_messages(self) -> None:
        """Delete all messages in the broker."""

    def emails(self) -> list[EmailMessage]:
        """Return the delivered emails."""
        files = [path.read_bytes() for path in self.mailbox.glob("*.eml")]
        return [email.message_from_bytes(file, policy=email.policy.default) for file in files]


@dataclass(frozen=True)
class ServiceInspection(Inspection):
    """Inspects PostgreSQL, an S3-compatible store, and Redis or RabbitMQ."""

    store: Minio
    bucket: str
    broker: Redis | RabbitMQ

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def objects(self) -> set[str]:
        return {str(each.object_name) for each in self.store.list_objects(self.bucket, recursive=True)}

    def count_messages(self) -> int:
        return self.broker.count_messages()

    def drop_messages(self) -> None:
        self.broker.drop_messages()


@dataclass(frozen=True)
class FolderInspection(Inspection):
    """Inspects local backends, which store their data in `folder`. `database_url` is the path to the SQLite file."""

    folder: Path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database_url, timeout=15, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def objects(self) -> set[str]:
        store = self.folder / "files"
        return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}

    def count_messages(self) -> int:
        return len(self._message_files())

    def drop_messages(self) -> None:
        for path in self._message_files():
            path.unlink(missing_ok=True)

    def _message_files(self) -> list[Path]:
        return list((self.folder / "broker" / "queues").glob("*.msg"))
