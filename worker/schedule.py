"""What happens at intervals, all of it in one place; two schedulers at once do no harm."""

from typing import Any

from project.blueprints.files import jobs as files
from project.blueprints.invitations import jobs as invitations
from project.config import Settings
from worker import relay, upkeep

_MINUTE = 60
_HOUR = 3600


def schedule(settings: Settings) -> dict[str, Any]:
    """The schedule of Celery beat. A tick that nobody took is void when the next one comes."""
    return {
        relay.SWEEP: _every(settings.sweep_seconds, relay.SWEEP),
        files.SWEEP: _every(_HOUR, files.SWEEP),
        invitations.SWEEP: _every(_MINUTE, invitations.SWEEP),
        upkeep.FORGET_KEYS: _every(_HOUR, upkeep.FORGET_KEYS),
    }


def _every(seconds: int, task: str) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}
