"""The follower keeps a replica current, whatever happens to the stream (authorization.md §2.6, §3.7)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from math import inf

import pytest

from gateway.village_order import WORKSPACE, Order, beginning, identifier
from moorage.access.action import Action
from moorage.access.principal import Identity
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.gateway.follower import Follower
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.replica.facts import Workspace
from moorage.runtime.clock import FixedClock

SOON = 5.0


@pytest.fixture
def clock() -> FixedClock:
    """Stands still until a test moves it."""
    return FixedClock(beginning())


@pytest.fixture
def village(clock: FixedClock) -> Order:
    """A workspace with one repository and one image."""
    order = Order(clock)
    order.repository("ledger")
    order.image("ledger/api", "ledger")
    return order


@asynccontextmanager
async def following(order: AuthorityFeed, clock: FixedClock) -> AsyncIterator[Follower]:
    """A follower at the head of the stream."""
    follower = Follower(order, clock, longest_pause_seconds=0)
    task = asyncio.create_task(follower.run())
    try:
        await until(lambda: follower.ready)
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Lets other tasks run until something is true."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - the state of what is tested has no event
            await asyncio.sleep(0)


def workspace(follower: Follower) -> Workspace:
    """The one workspace, as the directory has it."""
    assert follower.replica
    found = follower.replica.workspace(WORKSPACE)
    assert found
    return found


def pull(follower: Follower, who: Identity, clock: FixedClock) -> Reason:
    """What the replica says of a pull of the image."""
    assert follower.replica
    return follower.replica.decide(who, workspace(follower), "ledger/api", Action.PULL, clock.now()).decision.reason


async def test_before_the_first_snapshot_nothing_is_known(village: Order, clock: FixedClock) -> None:
    """And that is what it says: no replica, not ready, infinitely old."""
    follower = Follower(village, clock)
    assert follower.replica is None
    assert not follower.ready
    assert follower.age == inf
    assert follower.staleness(None) == inf


async def test_changes_arrive(village: Order, clock: FixedClock) -> None:
    """A position can be waited for; one that does not come is reported."""
    async with following(village, clock) as follower:
        village.user("bob")
        assert await follower.reached(village.position, SOON)
        assert not await follower.reached(type(village.position)(village.epoch, 10**9), 0.0)


async def test_a_workspace_is_loaded_once_for_all_who_ask(village: Order, clock: FixedClock) -> None:
    """Single flight; afterwards it stays subscribed."""
    bob = village.user("bob")
    async with following(village, clock) as follower:
        loads = [follower.load(workspace(follower), SOON) for _ in range(10)]
        assert all(await asyncio.gather(*loads))
        assert village.questions.count("workspace snapshot") == 1
        village.grant("bob", "ledger", Role.READ)
        await follower.reached(village.position, SOON)
        assert pull(follower, bob, clock) is Reason.OK


async def test_a_load_that_fails_is_tried_again(village: Order, clock: FixedClock) -> None:
    """By the next request that needs it."""
    async with following(village, clock) as follower:
        village.stream_away = True
        assert not await follower.load(workspace(follower), 0.01)
        village.stream_away = False
        await until(lambda: not follower._loads)
        assert await follower.load(workspace(follower), SOON)


async def test_a_stream_that_breaks_off_is_taken_up_where_it_was(village: Order, clock: FixedClock) -> None:
    """No snapshot is needed for that."""
    async with following(village, clock) as follower:
        village.break_stream()
        village.user("bob")
        await until(lambda: village.turned_away > 0)
        village.stream_away = False
        assert await follower.reached(village.position, SOON)
        assert village.questions.count("snapshot") == 1


async def test_a_position_that_is_no_longer_kept_leads_to_a_new_snapshot(village: Order, clock: FixedClock) -> None:
    """With the workspaces that were in use; the old copy serves until the new one has caught up."""
    bob = village.user("bob")
    async with following(village, clock) as follower:
        assert await follower.load(workspace(follower), SOON)
        before = follower.replica
        village.break_stream()
        await until(lambda: village.turned_away > 0)
        village.grant("bob", "ledger", Role.READ)
        village.floor = len(village.rows)
        village.stream_away = False
        assert await follower.reached(village.position, SOON)
        assert follower.replica is not before
        assert pull(follower, bob, clock) is Reason.OK


async def test_after_a_reset_nothing_of_the_old_history_is_served(village: Order, clock: FixedClock) -> None:
    """A new epoch begins with a new snapshot."""
    async with following(village, clock) as follower:
        old = village.position
        village.stream_away = False
        village.restore()
        await until(lambda: follower.replica is not None and follower.replica.epoch == old.epoch + 1)
        assert await follower.reached(village.position, SOON)
        assert village.questions.count("snapshot") == 2


async def test_a_gap_leads_to_a_new_snapshot(village: Order, clock: FixedClock) -> None:
    """Whatever was lost is in it."""
    async with following(village, clock) as follower:
        assert follower.replica
        follower.replica.seq -= 1
        village.user("bob")
        await until(lambda: village.questions.count("snapshot") == 2)
        assert await follower.reached(village.position, SOON)
        await until(lambda: follower.ready)


async def test_silence_is_staleness(village: Order, clock: FixedClock) -> None:
    """The age grows by the monotonic clock until a beat comes; past five seconds the gateway is not ready."""
    async with following(village, clock) as follower:
        village.frozen = True
        clock.advance(timedelta(seconds=4))
        assert follower.staleness(workspace(follower)) == 4.0
        assert follower.ready
        clock.advance(timedelta(seconds=2))
        assert follower.age == 6.0
        assert not follower.ready
        village.thaw()
        await until(lambda: follower.ready)
        assert follower.age == 0.0


async def test_a_lane_that_stands_still_ages_its_workspace(village: Order, clock: FixedClock) -> None:
    """A beat of the stream does not make the source's knowledge newer."""
    async with following(village, clock) as follower:
        assert follower.replica
        follower.replica.as_of["s1"] = int(clock.now().timestamp() * 1000)
        follower.replica._lanes.of[0] = frozenset({"s1"})
        clock.advance(timedelta(seconds=40))
        village.beat()
        await until(lambda: follower.age == 0.0)
        assert follower.staleness(workspace(follower)) == pytest.approx(40.0)


async def test_cancelled_in_the_middle_of_a_load_it_leaves_no_task_behind(village: Order, clock: FixedClock) -> None:
    """Whoever runs the follower has run everything."""
    async with following(village, clock) as follower:
        waiting = asyncio.create_task(follower.load(workspace(follower), SOON))
        await asyncio.sleep(0)
    assert not follower._loads
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert identifier(f"ws:{WORKSPACE}")


async def test_what_is_still_to_come_keeps_it_old(village: Order, clock: FixedClock) -> None:
    """After a cut, frames on the way to the head are no news, however young they are."""
    async with following(village, clock) as follower:
        village.break_stream()
        for each in ("ann", "ben", "cleo"):
            village.user(each)
        await until(lambda: village.turned_away > 0)
        clock.advance(timedelta(seconds=40))
        village.behind = 2
        village.stream_away = False
        village.beat()
        await until(lambda: follower.replica is not None and follower.replica.seq == village.position.seq - 2)
        assert follower.age == 40.0
        village.behind = 0
        village.beat()
        await until(lambda: follower.age == 0.0)
