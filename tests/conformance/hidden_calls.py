"""Functions that verify a password or send email, in ways that are hard to see. They are never called."""

from collections.abc import Callable
from functools import partial
from typing import Any

from project.blueprints import auth
from project.blueprints.auth import passwords
from project.blueprints.auth.service import log_in as log_in_of_service
from project.blueprints.invitations import jobs as job_names
from project.infrastructure import jobs

_log_in = partial(log_in_of_service, email="ada@example.com")
_actions: dict[str, Callable[..., Any]] = {"log-in": log_in_of_service}


class Verifier:
    def verify(self) -> bool:
        return passwords.matches(None, "")


def verify_by_module_of_a_package() -> Any:
    return auth.service.log_in(**{})  # type: ignore[attr-defined]


def verify_by_local_import() -> Any:
    from project.blueprints.auth import service as imported

    return imported.log_in(**{})


def verify_by_partial_function() -> Any:
    return _log_in(**{})


def verify_by_collection() -> Any:
    return _actions["log-in"](**{})


def verify_by_method() -> Any:
    return Verifier().verify()


def verify_by_default(verify: Callable[..., bool] = passwords.matches) -> bool:
    return verify(None, "")


def verify_by_nested_function() -> Any:
    return (lambda: passwords.matches(None, ""))()


def send_by_job() -> Any:
    return jobs.enqueue(job_names.SEND_INVITATION, invitation_id="")
