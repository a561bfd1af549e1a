"""Questions that come while others are being answered are asked together.

Most of what a statement costs is its way there and back, and the start of its plan. Each question is still asked at
head: its statement begins after it has come.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from moorage.permissions.cases import Question, Seen
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.postgres.cases import see
from moorage.permissions.postgres.head import NOT_MIGRATED
from moorage.runtime.postgres import Database

MOST_TOGETHER: Final = 32
"""More would keep the first ones waiting, and the loop from others."""
STATEMENTS: Final = 2
"""So many at a time, on connections of their own: no check waits behind facts that are applied, and while the database
works on one the answers to another are taken apart."""


class Asking:
    """Answers questions from the newest position, whoever asks them."""

    def __init__(self, database: Database, statements: int = STATEMENTS) -> None:
        self._database = database
        self._statements = statements
        self._waiting: deque[tuple[Question, asyncio.Future[Seen]]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Question) -> Seen:
        """What a decision looks at. Raises DatabaseUnavailable, DatabaseRefused, LedgerUnavailable.

        Who stops waiting takes nothing from the others.
        """
        answer: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._running < self._statements:
            self._running += 1
            task = asyncio.create_task(self._answer_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                together = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
                await self._answer([each for each in together if not each[1].done()])
        finally:
            # In the same turn of the loop in which nothing was left: whoever comes next begins anew.
            self._running -= 1

    async def _answer(self, together: Sequence[tuple[Question, "asyncio.Future[Seen]"]]) -> None:
        if not together:
            return
        try:
            async with self._database.connection() as connection:
                found = await see(connection, [question for question, _ in together])
            if len(found) != len(together):
                raise LedgerUnavailable(NOT_MIGRATED)
        except asyncio.CancelledError:
            for _, answer in together:
                answer.cancel()
            raise
        except Exception as error:  # whatever it is, those who wait have to know
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), seen in zip(together, found, strict=True):
            if not answer.done():
                answer.set_result(seen)
