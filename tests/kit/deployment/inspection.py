"""Looks behind a deployment, past every proxy: at rows, objects, messages and mail, by the means of who keeps them."""

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
    """What a deployment keeps, and where. Mail is in a folder, one file for each time that a message was delivered."""

    mailbox: Path
    database_url: str

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers."""

    @abstractmethod
    def objects(self) -> set[str]:
        """The key of each object in the store."""

    @abstractmethod
    def messages(self) -> int:
        """How many messages the broker holds that nobody has taken."""

    @abstractmethod
    def lose_messages(self) -> None:
        """Take away all that the broker holds."""

    def mails(self) -> list[EmailMessage]:
        """The messages that were delivered."""
        files = [path.read_bytes() for path in self.mailbox.glob("*.eml")]
        return [email.message_from_bytes(file, policy=email.policy.default) for file in files]


@dataclass(frozen=True)
class ServiceInspection(Inspection):
    """PostgreSQL, an S3-compatible store, and Redis or RabbitMQ."""

    store: Minio
    bucket: str
    broker: Redis | RabbitMQ

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def objects(self) -> set[str]:
        return {str(each.object_name) for each in self.store.list_objects(self.bucket, recursive=True)}

    def messages(self) -> int:
        return self.broker.messages()

    def lose_messages(self) -> None:
        self.broker.lose_messages()


@dataclass(frozen=True)
class FolderInspection(Inspection):
    """Everything embedded in a folder; its database's URL is a path."""

    folder: Path

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database_url, timeout=15, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def objects(self) -> set[str]:
        store = self.folder / "files"
        return {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}

    def messages(self) -> int:
        return len(self._message_files())

    def lose_messages(self) -> None:
        for path in self._message_files():
            path.unlink(missing_ok=True)

    def _message_files(self) -> list[Path]:
        return list((self.folder / "broker" / "queues").glob("*.msg"))
