"""Waiting for what happens in other processes, which send no event: asked until it is so, with a bound."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

BOUND_SECONDS: Final = 90.0
_PAUSE_SECONDS: Final = 0.005


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Returns when the condition is true. Raises TimeoutError."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not await condition():  # noqa: ASYNC110 - the one place that asks
            await asyncio.sleep(_PAUSE_SECONDS)


async def until_true(condition: Callable[[], bool]) -> None:
    """The same of a condition that is told without waiting."""

    async def told() -> bool:
        return condition()

    await until(told)
