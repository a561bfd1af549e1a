"""Readers who wait for a look at the holds: each gets one that is good enough, or is told that there is none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest

from faults.waiting import until_true
from moorage.oci.errors import Unavailable
from moorage.runtime.clock import FixedClock
from moorage.storage.hold_feed import Poll
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.remembered.polls import Polls
from moorage.storage.remembered.recollection import Recollection
from moorage.storage.remembered.remembered import Answer, Remembered

IMAGE: Final = uuid4()
LONG: Final = timedelta(seconds=1)


class Gated:
    """A HoldFeed whose looks end when they may."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()
        self.fails = False

    async def poll(self) -> Poll:
        """See HoldFeed."""
        self.begun.set()
        await self.may_end.wait()
        if self.fails:
            raise Unavailable("the database is away")
        return Poll(timedelta(seconds=0.05), continues=True)

    def close(self) -> None:
        """The next look does not end for now."""
        self.begun.clear()
        self.may_end.clear()


class Reader:
    """Reads one thing, and counts how often it had to be asked for."""

    def __init__(self, feed: Gated, clock: FixedClock, polls: Polls, recollection: Recollection, of: Numbers) -> None:
        self.feed, self.clock, self.numbers = feed, clock, of
        self.asked = 0
        self._remembered = Remembered(recollection, polls, clock, of)

    async def read(self) -> object:
        """From memory, or else by asking."""
        return await self._remembered.answer(IMAGE, "key", self._ask)

    async def warm(self) -> None:
        """Until it is remembered."""
        before = -1
        while before != self.asked:
            before = self.asked
            await self.read()
            await asyncio.sleep(0.001)

    async def waiting(self, number: int) -> None:
        """Returns when so many have begun to wait, in all."""
        await until_true(lambda: self.numbers.waits._value.get() >= number)

    async def _ask(self) -> Answer[int]:
        self.asked += 1
        return Answer(self.asked)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    """With a clock that stands still until it is moved."""
    feed, clock, numbers, recollection = Gated(), FixedClock(), Numbers(), Recollection(2**20)
    async with Polls(feed, recollection, clock, numbers) as polls:
        yield Reader(feed, clock, polls, recollection, numbers)


async def test_who_comes_during_a_slow_look_waits_for_the_next(reader: Reader) -> None:
    """It began before the request did and is too old by its end; nobody else has read meanwhile."""
    await reader.warm()
    asked, waited = reader.asked, int(reader.numbers.waits._value.get())
    reader.feed.close()
    reader.clock.advance(LONG)
    first = asyncio.create_task(reader.read())
    await reader.waiting(waited + 1)
    await reader.feed.begun.wait()
    reader.clock.advance(LONG)
    second = asyncio.create_task(reader.read())
    await reader.waiting(waited + 2)
    reader.clock.advance(LONG)
    reader.feed.may_end.set()
    assert await first == await second
    assert reader.asked == asked
    assert reader.numbers.waits._value.get() == waited + 3


async def test_who_waits_asks_when_nobody_can_look(reader: Reader) -> None:
    """The database may still answer. What was remembered is forgotten: who can look again starts anew."""
    await reader.warm()
    asked = reader.asked
    reader.feed.fails = True
    reader.clock.advance(LONG)
    await reader.read()
    assert reader.asked == asked + 1
    reader.feed.fails = False
    await reader.read()
    assert reader.asked == asked + 2
    await reader.warm()
