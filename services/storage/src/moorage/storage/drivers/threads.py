"""Blocking work in a thread that is never left behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")

WORTH_A_THREAD: Final = 256 * 1024
"""Bytes from which hashing or copying costs more than the hand-off to a thread."""


async def in_thread(work: Callable[[], Answer]) -> Answer:
    """Runs it in a thread. Cancelled, waits for it to end first: what it works on is the caller's to close."""
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _end(running)
        raise


async def to_its_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """The same of work that is not blocking."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _end(running)
        raise


async def _end(running: "asyncio.Future[Answer]") -> None:
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            continue
    if not running.cancelled():
        running.exception()
