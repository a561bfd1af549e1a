"""Ends consumers of the Kafka library, whatever state its own tasks are in.

When a broker dies under it, its tasks may wait for one another for ever, and the cancellations with which it ends them
come out at whoever ends it (aiokafka 0.14).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer

_log: Final = structlog.stdlib.get_logger(__name__)


async def end(consumer: AIOKafkaConsumer, seconds: float) -> None:
    """Ends it, waiting so long for each of its parts; one that does not end by itself does not leave its group."""
    if await _came_to_an_end(consumer.stop(), seconds):
        return
    _log.warning("The Kafka library does not end its consumer; it is left behind.")
    # It has no public way to end in parts; these hold all its tasks and connections.
    if coordinator := consumer._coordinator:
        await _came_to_an_end(coordinator._stop_heartbeat_task(), seconds)
        await _came_to_an_end(coordinator._stop_commit_offsets_refresh_task(), seconds)
    if fetcher := consumer._fetcher:
        await _came_to_an_end(fetcher.close(), seconds)
    await _came_to_an_end(consumer._client.close(), seconds)


async def _came_to_an_end(closing: Coroutine[Any, Any, None], seconds: float) -> bool:
    task = asyncio.create_task(closing)
    await asyncio.wait([task], timeout=seconds)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=seconds)
    return task.done() and not task.cancelled() and task.exception() is None
