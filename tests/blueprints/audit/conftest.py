"""Fixtures for audit tests: an admin, and the audit trail in a form that is easy to compare."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.kit.clients.api import Api, success
from tests.kit.fixtures.administrators import create_administrator

Trail = Callable[..., list[str]]


@pytest.fixture
def admin(app: Flask, api: Api) -> Api:
    return create_administrator(app, api)


@pytest.fixture
def trail(admin: Api) -> Trail:
    """A function that lists the entries since the admin was created, oldest first, as `actor action target outcome`.

    `names` are the names of ids. Other ids are shown as `other`.
    """

    def entries() -> list[dict[str, Any]]:
        return list(success(admin.get("/audit", query_string={"limit": "100"}))["items"])

    earlier = len(entries())

    def read(**names: str) -> list[str]:
        name_of = {each: name for name, each in names.items()}
        return [_line(entry, name_of) for entry in reversed(entries()[:-earlier])]

    return read


def _line(entry: dict[str, Any], name_of: dict[str, str]) -> str:
    actor, target = entry["actor"], entry["target"]
    parts = [
        name_of.get(actor["id"], "other") if actor else "-",
        entry["action"],
        f"{target['type']}:{name_of.get(target['id'], 'other')}" if target else "-",
    ]
    return " ".join(parts + ([] if entry["outcome"] == "success" else ["denied"]))
