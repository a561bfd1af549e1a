"""The lines about requests: one for each, so they do not go through the chain of all lines, and many to one write.

They have the same form. A line is late by a tenth of a second at most, never behind a line of another kind; what a
killed process had not written is lost, as with any buffer: what must not be lost is in the audit trail, not here.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

LOGGER: Final = "moorage.requests"
EVENT: Final = "Answered a request"
FLUSH_SECONDS: Final = 0.1
_MOST_HELD: Final = 500


class RequestLines:
    """Holds JSON lines for a moment and hands them to `write` together, under `lock`: other lines come from threads."""

    def __init__(self, write: Callable[[str], object], service: str, lock: AbstractContextManager[object]) -> None:
        self._write = write
        self._lock = lock
        self._fixed = {"event": EVENT, "service": service, "level": "info", "logger": LOGGER}
        self._encoder = msgspec.json.Encoder()
        self._held: list[bytes] = []
        self._is_due = False

    def take(self, fields: Mapping[str, object]) -> None:
        """Takes what a line says; texts in it are masked and on one line already. On a running loop."""
        line = self._encoder.encode({**fields, **self._fixed, "timestamp": datetime.now(UTC)})
        with self._lock:
            self._held.append(line)
        if len(self._held) >= _MOST_HELD:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_in_time)

    def flush(self) -> None:
        """Writes what is held."""
        with self._lock:
            held, self._held = self._held, []
            if held:
                self._write(b"\n".join([*held, b""]).decode())

    def _flush_in_time(self) -> None:
        self._is_due = False
        self.flush()


class LineHandler(logging.StreamHandler[TextIO]):
    """The one handler of a process; as JSON, lines about requests have a way of their own to the same stream."""

    def __init__(self, stream: TextIO, service: str, *, as_json: bool) -> None:
        super().__init__(stream)
        assert self.lock is not None
        self.requests = RequestLines(stream.write, service, self.lock) if as_json else None

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler. Behind the lines that were there before."""
        if self.requests is not None:
            self.requests.flush()
        super().emit(record)

    def flush(self) -> None:
        """See logging.Handler; called at the end of the process too."""
        if self.requests is not None:
            self.requests.flush()
        super().flush()


def request_lines() -> RequestLines | None:
    """Where this process writes them; None: as all other lines, for people on a terminal or without configuration."""
    root = logging.getLogger()
    handler = root.handlers[0] if root.handlers else None
    return handler.requests if isinstance(handler, LineHandler) else None
