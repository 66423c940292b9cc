"""Commands that rotate the signing keys of access tokens, in three steps and without rejecting a valid token.

Settings are environment variables, so a command cannot store anything. It prints the variable to set on standard
output, as a line for a shell. Everything else is printed on standard error.
"""

import shlex

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.cli import AppGroup

from project.config import Settings, current_settings
from project.http.auth.access_tokens import LEEWAY_SECONDS
from project.http.auth.signing_keys import JWKS_MAX_AGE_SECONDS, SigningKeys
from project.setting_types import pem_text

_KIDS_MAY_BEGIN_WITH_HYPHENS = {"ignore_unknown_options": True}

keys = AppGroup("keys", help="Rotate the signing keys of access tokens: add, then promote, then retire.")


@keys.command("list")
def list_keys() -> None:
    """Print the id of each key in JWT_KEYS, oldest first, and which one signs."""
    configured = _configured_keys()
    for kid in configured.private:
        click.echo(f"{kid}  {'signs and verifies' if kid == configured.signing_kid else 'verifies'}")


@keys.command("add")
def add() -> None:
    """Print JWT_KEYS with a new key, which verifies tokens but does not sign them yet."""
    configured = _configured_keys()
    # At the end: if JWT_SIGNING_KEY is not set, the first key signs.
    added = SigningKeys((*configured.private.values(), Ed25519PrivateKey.generate()), configured.signing_kid)
    _print_keys(added)
    _explain(
        f"Added {_newest(added)}. Deploy this value to all web processes. "
        f"Then wait at least {JWKS_MAX_AGE_SECONDS} s, so that other services also know the key, "
        "and run: flask keys promote"
    )


@keys.command("promote", context_settings=_KIDS_MAY_BEGIN_WITH_HYPHENS)
@click.argument("kid", required=False)
def promote(kid: str | None) -> None:
    """Print JWT_SIGNING_KEY with the id of the newest key, or KID."""
    configured = _configured_keys()
    kid = _known(kid or _newest(configured), configured)
    if kid == configured.signing_kid:
        raise click.ClickException(f"{kid} is already the signing key. To create another one, run: flask keys add")
    click.echo(f"JWT_SIGNING_KEY={kid}")
    seconds = current_settings().access_token_ttl_seconds + LEEWAY_SECONDS
    _explain(
        "Deploy this value to all web processes. "
        f"Then wait at least {seconds} s, so that all tokens of the old key have expired, and run: flask keys retire"
    )


@keys.command("retire", context_settings=_KIDS_MAY_BEGIN_WITH_HYPHENS)
@click.argument("kid", required=False)
def retire(kid: str | None) -> None:
    """Print JWT_KEYS without the oldest key, or without KID. Fails if that key signs."""
    configured = _configured_keys()
    kid = _known(kid or next(iter(configured.private)), configured)
    if kid == configured.signing_kid:
        raise click.ClickException(f"{kid} is the signing key. First make another key sign: flask keys promote")
    remaining = tuple(key for each, key in configured.private.items() if each != kid)
    _print_keys(SigningKeys(remaining, configured.signing_kid))
    _explain(f"Removed {kid}. Deploy this value to all web processes. From then on, tokens of that key are rejected.")


def _configured_keys() -> SigningKeys:
    """Return the keys in the environment. Fails if there are none: the keys that a development server generates."""
    settings = Settings.load()
    if not settings.jwt_keys:
        raise click.ClickException("JWT_KEYS is not set. Run this command with the settings of the deployment.")
    return SigningKeys(settings.jwt_keys, settings.jwt_signing_key)


def _known(kid: str, configured: SigningKeys) -> str:
    if kid not in configured.private:
        raise click.ClickException(f"JWT_KEYS has no key {kid}. It has: {', '.join(configured.private)}")
    return kid


def _newest(configured: SigningKeys) -> str:
    return list(configured.private)[-1]


def _print_keys(configured: SigningKeys) -> None:
    # On one line, since many platforms do not accept newlines in a variable.
    value = pem_text(configured.private.values()).strip().replace("\n", "\\n")
    click.echo(f"JWT_KEYS={shlex.quote(value)}")


def _explain(text: str) -> None:
    click.echo(text, err=True)
