"""From start to SIGTERM: a process runs until it is told to stop, then winds down in order and ends with 0 (R160)."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

from moorage.runtime.memory import keep_few_arenas

_log: Final = structlog.stdlib.get_logger(__name__)

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

Service = Callable[["Stop"], Coroutine[Any, Any, None]]
"""A service's main: opens what it needs, awaits `stop.wait()` (or works until then), and closes what it opened."""


class CannotStart(Exception):
    """The process can't run with what it was given; the message says what is wrong, for the person who starts it."""


class Stop:
    """Whether the process was told to stop. The second telling is meant: it interrupts the winding down."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    @property
    def is_told(self) -> bool:
        """Whether it was."""
        return self._told.is_set()

    def tell(self) -> None:
        """Tells it."""
        self._told.set()

    async def wait(self) -> None:
        """Returns once it was told."""
        await self._told.wait()


def run(service: Service) -> int:
    """Runs a service until SIGINT or SIGTERM; the exit status. Uses uvloop where it is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            runner.run(run_until_stopped(service))
        except asyncio.CancelledError:  # told twice
            return 1
    return 0


async def run_until_stopped(service: Service) -> None:
    """Runs a service in the current task; the first signal tells it to stop, the second cancels it."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a service runs in a task")
    keep_few_arenas()
    async with _stop_on_signals(task.cancel) as stop:
        await service(stop)
    _log.info("The service has stopped")


@asynccontextmanager
async def _stop_on_signals(cancel: Callable[[], object]) -> AsyncIterator[Stop]:
    stop, loop = Stop(), asyncio.get_running_loop()

    def receive(number: signal.Signals) -> None:
        if stop.is_told:
            _log.warning("Told to stop again: not waiting for work in flight", signal=number.name)
            cancel()
        else:
            _log.info("Told to stop: finishing work in flight", signal=number.name)
            stop.tell()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, receive, number)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # an extra, so it may be missing
    except ImportError:
        return None
    return uvloop.new_event_loop
