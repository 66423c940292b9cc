"""The application's JSON encoder."""

from dataclasses import dataclass

import pytest
from flask import Flask


@dataclass(frozen=True)
class Row:
    password_hash: str


def test_dataclass_without_schema_cannot_be_encoded(shared_app: Flask) -> None:
    with pytest.raises(TypeError):
        shared_app.json.dumps({"user": Row("$argon2id$…")})
