"""How long a gateway's event loop stands still while facts come in, and how long a first request waits for its facts.

A replica is followed in a process that does nothing else, where a task looks at the clock every half millisecond. While
frames come in, the processor's time counts: what neighbours take is not the gateway's. While a workspace is read, a
thread has turns in between, so there the time on the wall counts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Final
from uuid import UUID

import aiohttp

from bench.authorization.figure import Goal
from bench.authorization.progress import said
from bench.authorization.site import Site
from bench.authorization.storm import blow
from bench.authorization.world import BIG, SMALL
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Frame, RowKind
from moorage.access.packed import Packed
from moorage.access.sums import WorkspaceSum
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.gateway.adapters.authority_client import AuthorityClient
from moorage.gateway.adapters.frame_reader import read_frame
from moorage.gateway.app import freeze_what_stays
from moorage.gateway.collector import give_way
from moorage.gateway.follower import Follower
from moorage.gateway.replica.replica import MAX_FRAME_ROWS
from moorage.runtime.clock import SystemClock

STORM: Final = Goal("storm_loop_stall", "ms", 5)
FRAME: Final = Goal("long_frame_loop_stall", "ms", 5)
LOADING: Final = Goal("first_use_loop_stall", "ms", 5)
FIRST_USE: Final = Goal("first_use_ms", "ms", 250)
_LOOK_SECONDS: Final = 0.0005
_FRAMES: Final = 5
_LOADS: Final = 5
_STORM_SECONDS: Final = 10.0
_SECONDS: Final = 120.0
_GROUP: Final = (1 << 30) - 1
"""An alias that nobody has."""


class Watch:
    """The longest stalls of the loop so far, in milliseconds: of its thread's processor time, and on the wall."""

    def __init__(self) -> None:
        self.processor = self.wall = 0.0

    async def look(self) -> None:
        """Looks until cancelled."""
        wall, processor = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now, used = time.perf_counter(), time.thread_time()
            self.wall = max(self.wall, 1000 * (now - wall - _LOOK_SECONDS))
            self.processor = max(self.processor, 1000 * (used - processor))
            wall, processor = now, used


class LongFrames:
    """An authority's feed whose stream goes over to the longest frames there may be, all about one workspace."""

    def __init__(self, real: AuthorityClient) -> None:
        self._real = real
        self.workspace = 0
        self.begin, self.over = asyncio.Event(), asyncio.Event()

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """See AuthorityFeed."""
        return await self._real.snapshot(workspace, at_least)

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """See AuthorityFeed."""
        return await self._real.sum(workspace)

    async def report(self, report: FleetReport) -> FleetAnswer:
        """See AuthorityFeed."""
        return await self._real.report(report)

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """See AuthorityFeed."""
        seq = after.seq
        async for frame in self._real.changes(after):
            yield frame
            seq = frame.last if isinstance(frame, Delta) else seq
            if self.begin.is_set():
                break
        for each in range(_FRAMES):
            # Written in a thread: its time is none of the loop's.
            line = await asyncio.to_thread(self._line, after.epoch, seq + each * MAX_FRAME_ROWS)
            yield await read_frame(line)
        self.over.set()
        await asyncio.Event().wait()

    def _line(self, epoch: int, first: int) -> bytes:
        rows = [
            (int(RowKind.USER_GROUP), self.workspace, user, _GROUP, first // MAX_FRAME_ROWS % 2, 1)
            for user in range(1, MAX_FRAME_ROWS + 1)
        ]
        frame = Delta(epoch=epoch, first=first, last=first + MAX_FRAME_ROWS, t=_now(), rows=list(rows))
        return frame.model_dump_json(by_alias=True).encode()


async def stalls(site: Site) -> Mapping[Goal, float]:
    """The longest stall of each kind; of first uses the slowest, and the median of the longest stalls of several."""
    loop, address = asyncio.get_running_loop(), (site.permissions.url, site.permissions.token)
    frames, first_use, *loading = await loop.run_in_executor(site.writers, _quietly, *address)
    watching = loop.run_in_executor(site.writers, _in_storms, *address)
    first: int | None = None
    while not watching.done():
        first = await blow(site, first, asyncio.Event())
    storm = await watching
    said(f"stalls: storms {_said([storm])}, long frames {_said([frames])}, the biggest is read {_said(loading)}")
    reading = median(each.wall for each in loading)
    return {STORM: storm.processor, FRAME: frames.processor, LOADING: reading, FIRST_USE: first_use.wall}


def _quietly(url: str, token: str) -> list[Watch]:
    """Long frames; first uses; and first uses of the biggest workspace."""
    return asyncio.run(_with_client(url, token, _all_but_storms))


def _in_storms(url: str, token: str) -> Watch:
    """For some seconds."""
    return asyncio.run(_with_client(url, token, _storm))[0]


async def _with_client(
    url: str, token: str, measure: Callable[[AuthorityClient], Awaitable[list[Watch]]]
) -> list[Watch]:
    give_way()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await measure(AuthorityClient(session, url, token))


async def _all_but_storms(client: AuthorityClient) -> list[Watch]:
    first = [await _long_frames(client), await _first_uses(client)]
    return [*first, *[await _first_use_of_the_biggest(client) for _ in range(_LOADS)]]


def _said(watches: Sequence[Watch]) -> str:
    return ", ".join(f"{each.processor:.1f} ms ({each.wall:.1f} on the wall)" for each in watches)


async def _long_frames(client: AuthorityClient) -> Watch:
    feed = LongFrames(client)
    async with _followed(feed) as follower:
        await _load(follower, BIG)
        assert follower.replica
        workspace = follower.replica.workspace(BIG)
        assert workspace
        feed.workspace = workspace.alias
        async with _watched() as watch, asyncio.timeout(_SECONDS):
            feed.begin.set()
            await feed.over.wait()
        return watch


async def _first_uses(client: AuthorityClient) -> Watch:
    """On the wall, how long it takes until an ordinary workspace can be decided from: the slowest."""
    slowest = Watch()
    async with _followed(client) as follower:
        slowest.wall = max([await _load(follower, name) for name in SMALL])
    return slowest


async def _first_use_of_the_biggest(client: AuthorityClient) -> Watch:
    async with _followed(client) as follower, _watched() as watch:
        await _load(follower, BIG)
    return watch


async def _storm(client: AuthorityClient) -> list[Watch]:
    async with _followed(client) as follower:
        await _load(follower, BIG)
        async with _watched() as watch:
            await asyncio.sleep(_STORM_SECONDS)
    return [watch]


async def _load(follower: Follower, name: str) -> float:
    """Milliseconds that it took."""
    assert follower.replica
    workspace, began = follower.replica.workspace(name), time.perf_counter()
    assert workspace
    assert await follower.load(workspace, _SECONDS), name
    return 1000 * (time.perf_counter() - began)


@asynccontextmanager
async def _followed(feed: AuthorityClient | LongFrames) -> AsyncIterator[Follower]:
    """A follower of it at the head, without any workspace."""
    follower = Follower(feed, SystemClock())
    following = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(_SECONDS):
            while not follower.ready:  # noqa: ASYNC110 - the follower tells by a property
                await asyncio.sleep(0.05)
        freeze_what_stays()
        yield follower
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def _watched() -> AsyncIterator[Watch]:
    watch = Watch()
    looking = asyncio.create_task(watch.look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _now() -> int:
    return time.time_ns() // 1_000_000
