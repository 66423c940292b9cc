"""Logging: one structured event per line, with the ids of its request or job."""

import json
import logging
import logging.config
from contextlib import suppress
from typing import Any

import orjson
import structlog

from project.config import Settings

_NAME = "groundwork"
bind = structlog.contextvars.bind_contextvars
unbind = structlog.contextvars.unbind_contextvars
clear_context = structlog.contextvars.clear_contextvars
context = structlog.contextvars.get_contextvars
logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(_NAME)

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
                    "()": _Formatter if settings.log_format == "json" else structlog.stdlib.ProcessorFormatter,
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
        return [strip, _TRACEBACKS, structlog.processors.JSONRenderer(_dumps)]
    return [strip, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Encodes the events of this project without running the processors again, unless they have a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == _NAME and "exc_info" not in record.msg:
            return _dumps(record.msg)
        return super().format(record)


def _dumps(event: Any, **_options: Any) -> str:
    """Return `event` as ASCII, so that the log contains no control characters or other line separators."""
    # orjson is faster, but it does not escape text, and rejects unpaired surrogates and large integers.
    with suppress(TypeError):
        encoded = orjson.dumps(event, default=repr)
        if encoded.isascii():
            return encoded.decode()
    return json.dumps(event, default=repr)
