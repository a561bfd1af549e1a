"""Workspaces come whole into the replica, at whatever moment of a storm, and leave it if they can't be right (§2.6)."""

import asyncio
import random
import tracemalloc
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from gateway.village_order import EPOCH, WORKSPACE, Order, beginning, identifier
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row, RowKind, Snapshot
from moorage.access.packed import MAX_ALIAS, EdgeColumns, Packed, unpack
from moorage.access.packing import Packer, pack
from moorage.access.role import Role
from moorage.access.sums import sum_of, terms
from moorage.gateway.follower import Follower
from moorage.gateway.loading import Loading
from moorage.gateway.replica.edges import Edges, held
from moorage.gateway.replica.facts import Workspace
from moorage.gateway.replica.gaps import GapInStream
from moorage.gateway.replica.replica import MAX_FRAME_ROWS, Replica
from moorage.gateway.sum_check import SumCheck
from moorage.runtime.clock import FixedClock

HOME = identifier(f"ws:{WORKSPACE}")
SOON = 5.0
USERS = [f"u{number}" for number in range(12)]
MOST_BYTES_PER_EDGE = 20


@pytest.fixture
def clock() -> FixedClock:
    """Stands still."""
    return FixedClock(beginning())


@pytest.fixture
def village(clock: FixedClock) -> Order:
    """A workspace with two repositories, an image and some users."""
    order = Order(clock)
    for slug in ("ledger", "mint"):
        order.repository(slug)
    order.image("ledger/api", "ledger")
    for name in USERS:
        order.user(name)
    return order


@asynccontextmanager
async def following(order: Order, clock: FixedClock, loading: Loading) -> AsyncIterator[Follower]:
    """A follower that runs."""
    follower = Follower(order, clock, longest_pause_seconds=0, loading=loading)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Lets other tasks run until something is true."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - the state of what is tested has no event
            await asyncio.sleep(0)


def the_workspace(follower: Follower) -> Workspace:
    """The one there is."""
    assert follower.replica
    found = follower.replica.workspace(WORKSPACE)
    assert found
    return found


async def test_loaded_in_a_storm_it_is_what_preloading_gives(village: Order, clock: FixedClock) -> None:
    """And what the authority holds at that seq: nothing is lost between the snapshot and the stream."""
    chance = random.Random(11)

    async def storm(rows: int) -> None:
        for _ in range(rows):
            role = chance.choice([Role.NONE, Role.READ, Role.WRITE, Role.ADMIN])
            village.grant(chance.choice(USERS), chance.choice(["ledger", "mint"]), role)
            await asyncio.sleep(0)

    early, late = Loading(preload=True), Loading()
    async with following(village, clock, early) as preloaded, following(village, clock, late) as lazy:
        await until(lambda: preloaded.ready and lazy.ready)
        raging = asyncio.create_task(storm(400))
        await asyncio.sleep(0)
        assert await lazy.load(the_workspace(lazy), SOON)
        await raging
        for follower in (preloaded, lazy):
            assert await follower.reached(village.position, SOON)
        assert preloaded.replica
        assert lazy.replica
        assert lazy.replica.contents == preloaded.replica.contents
        told = await village.sum(HOME)
        assert lazy.replica.sum_at(HOME, village.position) == told.sum


async def test_a_gateway_that_preloads_is_not_ready_before(village: Order, clock: FixedClock) -> None:
    """It says how many workspaces are still to come, and needs no request to load them."""
    async with following(village, clock, Loading(preload=True)) as follower:
        await until(lambda: follower.ready)
        assert follower.replica
        assert follower.replica.loaded == {HOME}
        assert village.questions.count("workspace snapshot") == 1


async def test_past_the_memory_limit_nothing_more_is_loaded(village: Order, clock: FixedClock) -> None:
    """The gateway is ready all the same: the authority answers for what is left out; nothing is ever evicted."""
    async with following(village, clock, Loading(memory_limit=10)) as follower:
        await until(lambda: follower.ready)
        assert not await follower.load(the_workspace(follower), 0.05)
        assert follower.loader.left_out == 1
        assert follower.ready


async def test_a_gateway_that_can_not_preload_everything_is_never_ready(village: Order, clock: FixedClock) -> None:
    """And says why."""
    async with following(village, clock, Loading(preload=True, memory_limit=10)) as follower:
        await until(lambda: follower.missing is not None and "memory limit" in follower.missing)
        assert not follower.ready


async def test_a_replica_that_went_wrong_is_found_and_taken_anew(village: Order, clock: FixedClock) -> None:
    """An edge that nobody told of is there until the comparison; afterwards both are the same again."""
    async with following(village, clock, Loading(preload=True)) as follower:
        await until(lambda: follower.ready)
        check = SumCheck(follower, village, 60)
        assert await check.check(HOME)
        assert follower.replica
        follower.replica._parts.all[the_workspace(follower).alias].facts.edges.put(5, 6, 3)
        assert not await check.check(HOME)
        assert check.mismatches == 2
        await until(lambda: follower.replica is not None and follower.replica.serves(the_workspace(follower)))
        assert await check.check(HOME)


async def test_sums_of_earlier_positions_are_known(village: Order, clock: FixedClock) -> None:
    """The authority's sum may be of a moment ago; what lies inside a frame is not known."""
    async with following(village, clock, Loading(preload=True)) as follower:
        await until(lambda: follower.ready)
        told = await village.sum(HOME)
        village.grant("u1", "mint", Role.ADMIN)
        assert await follower.reached(village.position, SOON)
        assert follower.replica
        assert follower.replica.sum_at(HOME, ConsistencyToken(told.epoch, told.seq)) == told.sum
        assert follower.replica.sum_at(HOME, ConsistencyToken(EPOCH, 0)) is None
        assert follower.replica.sum_at(HOME, ConsistencyToken(EPOCH + 1, told.seq)) is None


def test_a_frame_that_is_too_large_is_refused() -> None:
    """It would stall whoever is served; a snapshot tells what it told (R115)."""
    rows: list[Row] = [(RowKind.USER_GROUP, 1, 2, 3, 1, 0)] * (MAX_FRAME_ROWS + 1)
    with pytest.raises(GapInStream, match="rows"):
        Replica(EPOCH, 0).apply(Delta(epoch=EPOCH, first=0, last=len(rows), t=0, rows=rows))


def test_packed_or_told_by_rows_a_workspace_is_the_same(village: Order) -> None:
    """Also to those who go on from there, and to its sum."""
    rows = [row for row in village.rows if row[1] != 0]
    home = rows[0][1]
    replicas = []
    whole = Snapshot(epoch=EPOCH, seq=len(village.rows), rows=village.rows)
    for snapshot in (whole, unpack(pack(whole, home))):
        everything = Snapshot(epoch=EPOCH, seq=whole.seq, rows=[row for row in whole.rows if row[1] == 0])
        replica = Replica.load(everything)
        replica.expect(HOME)
        replica.adopt(HOME, snapshot)
        replicas.append(replica)
    assert replicas[0].contents == replicas[1].contents
    assert replicas[1].sum_at(HOME, replicas[1].position) == sum_of(unpack(pack(whole, home)))


def test_edges_are_what_a_plain_dictionary_would_say() -> None:
    """After any changes on top of packed columns: order, removal, the sum and each value."""
    chance = random.Random(5)
    packer, plain = Packer(), dict[tuple[int, int], int]()
    for key in range(1, 40):
        targets = sorted(chance.sample(range(1, 60), chance.randrange(12)))
        row = array("I", [target << 2 | chance.randrange(1, 4) for target in targets])
        packer.edges(array("I", [key]) * len(row), row)
        plain.update({(key, entry >> 2): entry & 3 for entry in row})
    edges = Edges(unpack(packer.finish(1, 1, {})).edges)
    for _ in range(3000):
        key, target, value = chance.randrange(1, 50), chance.randrange(1, 60), chance.randrange(4)
        edges.put(key, target, value)
        plain[key, target] = value
    rows: dict[int, list[int]] = {}
    for (key, target), value in sorted(plain.items()):
        if value:
            rows.setdefault(key, []).append(target << 2 | value)
    assert list(edges) == sorted(rows.items())
    assert edges.sum == sum(terms(key, told) for key, told in rows.items()) % 2**64
    for key, told in rows.items():
        assert all(held(edges.row(key), entry >> 2) == entry & 3 for entry in told)


@pytest.mark.parametrize("highest", [300, 1200, 100_000, MAX_ALIAS])
def test_rows_are_found_however_rare_their_aliases_are(highest: int) -> None:
    """Each key has its own row, and whatever is between them, before or behind has none."""
    chance, packer = random.Random(highest), Packer()
    keys = sorted({chance.randrange(1, highest + 1) for _ in range(300)})
    for key in keys:
        packer.edges(array("I", [key]), array("I", [key << 2 | 1]))
    edges = Edges(unpack(packer.finish(1, 1, {})).edges)
    near = {max(0, key + step) for key in keys for step in (-1, 0, 1)} | {0, highest, highest + 1, 2 * MAX_ALIAS}
    for key in near:
        entries, low, high = edges.row(key)
        assert entries[low:high].tolist() == ([key << 2 | 1] if key in keys else [])


@pytest.mark.parametrize("edge", [(0, 1, 1), (1, 0, 1), (MAX_ALIAS + 1, 1, 1), (1, 1, 4), (1, 1, -1)])
def test_what_is_no_edge_is_refused(edge: tuple[int, int, int]) -> None:
    """A row that breaks the contract must not become another one."""
    with pytest.raises(ValueError, match="an edge"):
        Edges().put(*edge)


def test_rows_that_are_emptied_leave_nothing_behind() -> None:
    """Coming and going does not make the table grow."""
    edges = Edges()
    before = edges.size
    for key in range(1, 500):
        edges.put(key, 7, 1)
        edges.put(key, 7, 0)
    assert (edges.size, edges.sum, list(edges)) == (before, 0, [])


def test_an_edge_takes_few_bytes() -> None:
    """Half a million edges of 10,000 users, as they stay in memory once the file is gone."""
    file = crowd(10_000, 50)
    tracemalloc.start()
    try:
        edges = Edges(columns_of(file))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 500_000 < MOST_BYTES_PER_EDGE
    assert sum(1 for _ in edges) == 10_000


def columns_of(file: bytes) -> EdgeColumns:
    """The edges alone."""
    found: Packed = unpack(file)
    return found.edges


def crowd(users: int, groups: int) -> bytes:
    """Users, each in so many groups."""
    packer = Packer(1)
    for user in range(2, users + 2):
        packer.alias(user, "user", UUID(int=user), inside=False)
        row = array("I", [(users + 2 + (user + 7 * n) % 5000) << 2 | 3 for n in range(groups)])
        packer.edges(array("I", [user]) * groups, array("I", sorted(row)))
    return packer.finish(1, 1, {})
