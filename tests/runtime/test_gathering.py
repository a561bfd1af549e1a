"""What is asked at once is answered together, each with its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from moorage.runtime.gathering import Gathering


class Batches:
    """Doubles numbers; refuses zero, and waits for `may_go` before each batch."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.may_go = asyncio.Event()

    async def run(self, some: Sequence[int]) -> Sequence[int]:
        """Each number twice."""
        self.seen.append(list(some))
        await self.may_go.wait()
        if 0 in some:
            raise ValueError("zero")
        return [2 * number for number in some]


async def test_who_comes_during_a_batch_makes_the_next_one() -> None:
    """In order, and no more than fit into one."""
    batches = Batches()
    gathering = Gathering(batches.run, 3)
    asking = [asyncio.ensure_future(gathering.ask(number)) for number in range(1, 7)]
    await asyncio.sleep(0)
    batches.may_go.set()
    assert await asyncio.gather(*asking) == [2, 4, 6, 8, 10, 12]
    assert batches.seen == [[1], [2, 3, 4], [5, 6]]
    assert await gathering.ask(7) == 14
    assert batches.seen[-1] == [7]


async def test_a_failure_is_that_of_its_batch_only() -> None:
    """Whoever comes later is answered."""
    batches = Batches()
    gathering = Gathering(batches.run, 2)
    asking = [asyncio.ensure_future(gathering.ask(number)) for number in (1, 0, 3, 4)]
    await asyncio.sleep(0)
    batches.may_go.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert answers[0] == 2
    assert all(isinstance(answer, ValueError) for answer in answers[1:3])
    assert answers[3] == 8


async def test_the_first_one_that_gives_up_holds_nobody_up() -> None:
    """The others have their batch, without who left."""
    batches = Batches()
    gathering = Gathering(batches.run, 9)
    first, second, third = [asyncio.ensure_future(gathering.ask(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    batches.may_go.set()
    assert await third == 6
    assert batches.seen == [[1], [3]]
