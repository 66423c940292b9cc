"""Logging: one structured event per line, with the ids of its request or job."""

import logging
import logging.config
from typing import Any

import structlog

from project.config import Settings

bind = structlog.contextvars.bind_contextvars
unbind = structlog.contextvars.unbind_contextvars
clear_context = structlog.contextvars.clear_contextvars
context = structlog.contextvars.get_contextvars
logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("groundwork")

# These loggers log every migration check, task and scheduler tick. `worker.runner` logs the relevant events of a job.
_NOISY_LOGGERS = (
    "alembic.runtime.plugins",
    "alembic.runtime.migration",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
)
# Never log the values of local variables, which may include passwords and tokens.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(settings: Settings) -> None:
    """Send all log lines of the process, including those of libraries, to standard error through one formatter."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": _final(settings.log_format),
                    "foreign_pre_chain": _SHARED,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"level": "INFO", "handlers": ["stderr"]},
            "loggers": {name: {"level": "WARNING"} for name in _NOISY_LOGGERS},
        }
    )


def _final(log_format: str) -> list[Any]:
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if log_format == "json":
        return [strip, _TRACEBACKS, structlog.processors.JSONRenderer()]
    return [strip, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
