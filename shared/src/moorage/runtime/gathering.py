"""Many small things done at once: what is asked for while one batch is under way makes the next one.

Where little is asked for, everything is done alone and at once; the more comes, the more share one round trip and one
commit. Nobody waits for others to come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Gathering(Generic[Item, Answer]):
    """Hands items to `run`, at most `most` together, which answers each in order; its failure is that of all of them.

    Whoever is cancelled while it waits leaves its item to the batch, as with any statement that was sent already.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], most: int) -> None:
        self._run = run
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_busy = False

    async def ask(self, item: Item) -> Answer:
        """The answer to `item`. Raises what `run` raises."""
        if self._is_busy:
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._waiting.append((item, answer))
            return await answer
        self._is_busy = True
        try:
            return (await self._run([item]))[0]
        finally:
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._task = asyncio.create_task(self._together(), name="gathered")
        else:
            self._is_busy = False

    async def _together(self) -> None:
        try:
            some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._answer(some)
        finally:
            self._go_on()

    async def _answer(self, some: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        waiting = [(item, future) for item, future in some if not future.done()]
        if not waiting:
            return
        try:
            answers = await self._run([item for item, _ in waiting])
        except Exception as error:  # whatever it was, it is for each of those who asked
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
