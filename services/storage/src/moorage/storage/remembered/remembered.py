"""Answers from memory where that is as good as asking the database."""

from collections.abc import Awaitable, Callable, Hashable
from math import inf
from typing import Generic, NamedTuple, TypeVar, cast
from uuid import UUID

from moorage.oci.errors import Unavailable
from moorage.runtime.clock import Clock
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.remembered.polls import Polls
from moorage.storage.remembered.recollection import Kept, Recollection

T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What the database said, its size in bytes, and for how many seconds it may be told again."""

    value: T
    size: int = 0
    lasts: float = inf


class Remembered:
    """One per process, for all that is remembered."""

    def __init__(self, recollection: Recollection, polls: Polls, clock: Clock, numbers: Numbers) -> None:
        self._recollection = recollection
        self._polls = polls
        self._clock = clock
        self._numbers = numbers

    async def answer(self, image: UUID, key: Hashable, ask: Callable[[], Awaitable[Answer[T] | None]]) -> T | None:
        """What is remembered under the key, or what `ask` says now. Raises what `ask` raises.

        `ask` begins after the call, so what it says is always good; what it does not find is not remembered.
        """
        arrived = self._clock.monotonic()
        self._polls.read(arrived)
        now = arrived
        while (kept := self._recollection.recall(image, key, now)) is not None:
            if self._recollection.may_tell(arrived, now):
                self._numbers.hits.inc()
                return cast(T, kept.value)
            try:
                await self._polls.next()
            except Unavailable:  # the database may still answer, and says itself if it does not
                break
            now = self._clock.monotonic()
        return await self._asked(image, key, ask)

    async def _asked(self, image: UUID, key: Hashable, ask: Callable[[], Awaitable[Answer[T] | None]]) -> T | None:
        self._numbers.misses.inc()
        with self._recollection.reading(image) as reading:
            asked = self._clock.monotonic()
            answer = await ask()
            if answer is None:
                return None
            if answer.lasts > 0:
                self._recollection.keep(reading, key, Kept(answer.value, answer.size, asked + answer.lasts))
                self._numbers.bytes.set(self._recollection.bytes)
        return answer.value
