"""The command: what to verify, and what to do with the results."""

import argparse
import signal
import sys
import time
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from tests.verify import record
from tests.verify.client import Client
from tests.verify.flow import Result, run
from tests.verify.instance import Instance
from tests.verify.mailbox import DevelopmentMailbox, FolderMailbox
from tests.verify.steps import FLOW, PRIVATE_FLOW
from tests.verify.table import Table
from tests.verify.world import World


def main(words: list[str] | None = None) -> int:
    """Verify, and return the exit status: 0 only if every step passed."""
    arguments = _arguments(words)
    table = Table()
    began = time.monotonic()
    results = _of_url(arguments, table) if arguments.url else _of_private_instance(arguments, table)
    table.say(f"\n{_summary(results)} in {time.monotonic() - began:.1f} s.")
    if arguments.compare is not None:
        table.say("\n" + "\n".join(record.compare(arguments.compare, results)))
    if arguments.save is not None:
        record.save(results, arguments.save, url=arguments.url or "private")
    return 0 if all(result.outcome == "passed" for result in results) else 1


def _of_url(arguments: argparse.Namespace, table: Table) -> list[Result]:
    table.say(f"Verifying {arguments.url}\n")
    try:
        return run(FLOW, _world(arguments, arguments.url), table)
    finally:
        table.close()


def _of_private_instance(arguments: argparse.Namespace, table: Table) -> list[Result]:
    table.say("Verifying a private instance\n")
    instance, something_is_wrong = Instance(RATE_LIMIT_ENABLED="false"), False
    try:
        results = run(PRIVATE_FLOW, _world(arguments, instance.url, instance), table)
        something_is_wrong = any(result.outcome != "passed" for result in results)
        if something_is_wrong:
            table.say(f"\nThe end of {instance.log}:\n\n{instance.tail()}")
        return results
    finally:
        table.close()
        instance.clear(keep_log=something_is_wrong)


def _world(arguments: argparse.Namespace, url: str, instance: Instance | None = None) -> World:
    client = Client(url, run=token_hex(6), timeout_seconds=arguments.patience)
    mailbox = FolderMailbox(arguments.mailbox) if arguments.mailbox else DevelopmentMailbox(client)
    return World(client, mailbox, arguments.patience, instance)


def _summary(results: list[Result]) -> str:
    outcomes = [result.outcome for result in results]
    parts = [f"{outcomes.count(each)} {each}" for each in ("passed", "failed", "not run") if each in outcomes]
    return ", ".join(parts)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("./bin/verify", description="Run every platform flow against a deployment.")
    parser.add_argument("url", nargs="?", type=_url, help="where it runs; without, a private instance is started")
    parser.add_argument("--mailbox", type=_folder, metavar="DIR", help="read mail from .eml files, not from /dev/mail")
    parser.add_argument(
        "--patience", type=float, default=15, metavar="SECONDS", help="wait so long for an answer, a mail, a thumbnail"
    )
    parser.add_argument("--save", type=_new_file, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--compare", type=_record, metavar="FILE", help="set them beside an earlier run's")
    return parser.parse_args(words)


def _url(word: str) -> str:
    parts = urlsplit(word)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise argparse.ArgumentTypeError("not the address of a deployment, such as https://api.example.com")
    return word.rstrip("/")


def _folder(word: str) -> Path:
    if not Path(word).is_dir():
        raise argparse.ArgumentTypeError(f"{word} is no folder")
    return Path(word)


def _new_file(word: str) -> Path:
    _folder(str(Path(word).parent))
    return Path(word)


def _record(word: str) -> dict[str, Result]:
    try:
        return record.load(Path(word))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    # A polite kill stops the private instance too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
