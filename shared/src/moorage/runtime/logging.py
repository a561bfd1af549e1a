"""Log lines: one stream of events with fields, for people on a terminal and as JSON everywhere else."""

import logging
import sys
from collections.abc import Sequence
from typing import Final, TextIO

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, Processor, WrappedLogger

from moorage.runtime.masking import masked_fields, one_line
from moorage.runtime.request_lines import LineHandler

_QUIET: Final = {"aiohttp.access": logging.CRITICAL, "aiokafka": logging.WARNING, "botocore": logging.WARNING}


def configure(service: str, *, level: str = "INFO", stream: TextIO = sys.stderr, as_json: bool | None = None) -> None:
    """Sends the whole process's logging, the standard library's too, through one chain that masks secrets.

    `as_json` None: JSON unless the stream is a terminal. Called once, by the composition root.
    """
    json_lines = not stream.isatty() if as_json is None else as_json
    shared = _shared_processors(service)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = LineHandler(stream, service, as_json=json_lines)
    handler.setFormatter(_formatter(shared, json_lines=json_lines))
    handler.addFilter(_is_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces what is or looks like a secret, whatever the level (R145)."""
    return masked_fields(event)


def keep_to_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escapes control bytes in texts, so that a name or a header can't forge a line (R149)."""
    return {
        key: one_line(value) if isinstance(value, str) and key != "exception" else value for key, value in event.items()
    }


def _shared_processors(service: str) -> list[Processor]:
    def name_the_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_the_service,
        structlog.stdlib.ExtraAdder(),
    ]


def _formatter(shared: Sequence[Processor], *, json_lines: bool) -> structlog.stdlib.ProcessorFormatter:
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_secrets,
        keep_to_one_line,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=True)
    )
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, renderer])


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Malformed requests are the client's affair: counted where they are refused, no traceback in our log."""
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name.startswith("aiohttp") and isinstance(error, HttpProcessingError))
