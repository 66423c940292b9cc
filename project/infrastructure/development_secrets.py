"""Generates secrets for development. They are stored in DATA_DIR, readable only by the owner."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from project.config import Settings
from project.setting_types import pem_text


def with_development_secrets(settings: Settings) -> Settings:
    """Return `settings` with missing secrets loaded from DATA_DIR or generated. Does nothing in production."""
    if not settings.is_development:
        return settings
    folder = settings.data_dir / "secrets"
    environment = settings.model_dump() | {
        "secret_key": settings.secret_key or _load_or_create(folder / "secret_key", lambda: secrets.token_urlsafe(48)),
        "jwt_keys": settings.jwt_keys or _load_or_create(folder / "jwt_keys.pem", _new_key),
    }
    return Settings(**environment)


def _load_or_create(path: Path, generate: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(generate())
        # If several processes start at the same time, the first one to link its draft wins, and all read that secret.
        is_missing = not path.exists()
        if is_missing:
            _link(draft, path)
        draft.unlink()
    return path.read_text()


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return


def _new_key() -> str:
    return pem_text([Ed25519PrivateKey.generate()])
