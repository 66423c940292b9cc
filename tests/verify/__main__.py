"""The command line: parses the arguments, runs the steps, and reports the results."""

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


def main(argv: list[str] | None = None) -> int:
    """Run all steps and return the exit status: 0 if every step passed, otherwise 1."""
    arguments = _arguments(argv)
    table = Table()
    began = time.monotonic()
    results = _verify_url(arguments, table) if arguments.url else _verify_private_instance(arguments, table)
    table.write(f"\n{_summary(results)} in {time.monotonic() - began:.1f} s.")
    if arguments.compare is not None:
        table.write("\n" + "\n".join(record.compare(arguments.compare, results)))
    if arguments.save is not None:
        record.save(results, arguments.save, url=arguments.url or "private")
    return 0 if all(result.outcome == "passed" for result in results) else 1


def _verify_url(arguments: argparse.Namespace, table: Table) -> list[Result]:
    table.write(f"Verifying {arguments.url}\n")
    try:
        return run(FLOW, _world(arguments, arguments.url), table)
    finally:
        table.close()


def _verify_private_instance(arguments: argparse.Namespace, table: Table) -> list[Result]:
    table.write("Verifying a private instance\n")
    instance, has_failed = Instance(RATE_LIMIT_ENABLED="false"), False
    try:
        results = run(PRIVATE_FLOW, _world(arguments, instance.url, instance), table)
        has_failed = any(result.outcome != "passed" for result in results)
        if has_failed:
            table.write(f"\nLast lines of {instance.log}:\n\n{instance.tail()}")
        return results
    finally:
        table.close()
        instance.clear(keep_log=has_failed)


def _world(arguments: argparse.Namespace, url: str, instance: Instance | None = None) -> World:
    client = Client(url, run=token_hex(6), timeout_seconds=arguments.timeout)
    mailbox = FolderMailbox(arguments.mailbox) if arguments.mailbox else DevelopmentMailbox(client)
    return World(client, mailbox, arguments.timeout, instance)


def _summary(results: list[Result]) -> str:
    outcomes = [result.outcome for result in results]
    parts = [f"{outcomes.count(each)} {each}" for each in ("passed", "failed", "not run") if each in outcomes]
    return ", ".join(parts)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "./bin/verify", description="Run every platform flow against a deployment and report each step."
    )
    parser.add_argument(
        "url", nargs="?", type=_url, help="base URL of the deployment; if omitted, a private instance is started"
    )
    parser.add_argument(
        "--mailbox", type=_folder, metavar="DIR", help="read emails from .eml files in DIR instead of from /dev/mail"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=15,
        metavar="SECONDS",
        help="maximum time to wait for a response, an email or thumbnails (default: %(default)s)",
    )
    parser.add_argument("--save", type=_new_file, metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument(
        "--compare", type=_record, metavar="FILE", help="compare the results with an earlier run saved in FILE"
    )
    return parser.parse_args(argv)


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise argparse.ArgumentTypeError("must be the base URL of a deployment, such as https://api.example.com")
    return value.rstrip("/")


def _folder(value: str) -> Path:
    if not Path(value).is_dir():
        raise argparse.ArgumentTypeError(f"{value} is not a directory")
    return Path(value)


def _new_file(value: str) -> Path:
    _folder(str(Path(value).parent))
    return Path(value)


def _record(value: str) -> dict[str, Result]:
    try:
        return record.load(Path(value))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    # Make SIGTERM raise KeyboardInterrupt, so that the private instance is stopped as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
