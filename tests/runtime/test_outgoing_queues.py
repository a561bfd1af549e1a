"""A bounded queue of things that are sent on: kept while nobody takes them, in order, and never more than fit."""

import asyncio
from collections.abc import Sequence

import pytest

from moorage.runtime.outgoing import Outgoing


class Away(Exception):
    """Whoever takes the things is away."""


class Taker:
    """Takes things, unless it is away, refuses or is told to wait."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.away = False
        self.refuses: set[int] = set()
        self.open = asyncio.Event()
        self.open.set()
        self.took = asyncio.Event()

    async def __call__(self, things: Sequence[int]) -> None:
        """Takes them."""
        await self.open.wait()
        if self.away:
            raise Away
        if self.refuses.intersection(things):
            raise ValueError("nobody wants these")
        self.batches.append(list(things))
        self.took.set()

    @property
    def taken(self) -> list[int]:
        """All of them, in order."""
        return [thing for batch in self.batches for thing in batch]


def queue(taker: Taker, capacity: int = 100, batch: int = 3) -> Outgoing[int]:
    """A queue that sends to `taker`."""
    return Outgoing("test", taker, capacity, batch, Away, seconds_to_leave=0.2)


async def test_what_is_offered_is_sent_in_order_and_in_batches() -> None:
    """While the queue is open, without anybody asking."""
    taker = Taker()
    async with queue(taker) as outgoing:
        for thing in range(7):
            assert outgoing.offer(thing)
        async with asyncio.timeout(5):
            while len(taker.taken) < 7:
                taker.took.clear()
                await taker.took.wait()
    assert taker.batches == [[0, 1, 2], [3, 4, 5], [6]]
    assert (outgoing.sent, outgoing.lost, len(outgoing)) == (7, 0, 0)


async def test_leaving_sends_what_is_left() -> None:
    """A process that is drained loses nothing."""
    taker = Taker()
    async with queue(taker) as outgoing:
        outgoing.offer(1)
    assert taker.taken == [1]


async def test_what_nobody_takes_is_kept_and_sent_again() -> None:
    """The batch that failed comes first."""
    taker = Taker()
    outgoing = queue(taker)
    taker.away = True
    for thing in range(4):
        outgoing.offer(thing)
    assert not await outgoing.flush(1)
    assert len(outgoing) == 4
    taker.away = False
    assert await outgoing.flush(1)
    assert taker.taken == [0, 1, 2, 3]
    assert outgoing.lost == 0


async def test_a_full_queue_takes_no_more_and_what_matters_less_finds_it_full_before() -> None:
    """Half of it is for what matters."""
    outgoing = queue(Taker(), capacity=4)
    assert [outgoing.offer(thing, 0.5) for thing in range(3)] == [True, True, False]
    assert [outgoing.offer(thing) for thing in range(3)] == [True, True, False]
    outgoing.lose()
    assert outgoing.lost == 1


async def test_a_batch_that_is_refused_for_good_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted as lost, and what comes after it is sent."""
    taker = Taker()
    taker.refuses = {1}
    outgoing = queue(taker, batch=2)
    for thing in range(4):
        outgoing.offer(thing)
    assert await outgoing.flush(1)
    assert (taker.taken, outgoing.lost) == ([2, 3], 2)


async def test_a_flush_waits_no_longer_than_it_was_told() -> None:
    """And leaves everything in the queue."""
    taker = Taker()
    taker.open.clear()
    outgoing = queue(taker)
    outgoing.offer(1)
    assert not await outgoing.flush(0.01)
    taker.open.set()
    assert await outgoing.flush(1)
    assert taker.taken == [1]


async def test_two_flushes_send_nothing_twice() -> None:
    """They take turns."""
    taker = Taker()
    outgoing = queue(taker, batch=1)
    for thing in range(5):
        outgoing.offer(thing)
    assert all(await asyncio.gather(outgoing.flush(1), outgoing.flush(1)))
    assert taker.taken == [0, 1, 2, 3, 4]


async def test_what_is_left_over_at_the_end_is_counted() -> None:
    """Nobody came back in time."""
    taker = Taker()
    taker.away = True
    async with queue(taker) as outgoing:
        outgoing.offer(1)
    assert outgoing.lost == 1
