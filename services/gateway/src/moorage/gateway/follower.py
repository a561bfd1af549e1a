"""Follows the authority's change stream and keeps the replica that requests are decided from (authorization.md §2.6).

Whatever goes wrong, the copy in use only grows old until a better one is ready; how old is for others to judge. The
exception is a rewritten history: then there is no copy at all until a new one is taken.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from math import inf
from typing import Final
from uuid import UUID

import structlog

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.frames import Beat, Delta, Frame, Reset
from moorage.access.image import NodeState
from moorage.access.problems import PositionGone, Problem
from moorage.gateway.heard import Heard
from moorage.gateway.loading import ON_FIRST_USE, Loader, Loading, MemoryFull
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.replica.facts import Workspace
from moorage.gateway.replica.gaps import GapInStream, RowUnreadable, WorkspaceNotLoaded
from moorage.gateway.replica.replica import Replica
from moorage.gateway.sleep import NAP_SECONDS, TICK_SECONDS, Sleep
from moorage.gateway.stream_age import StreamAge
from moorage.runtime.clock import Clock

READY_AGE_SECONDS: Final = 5.0
SLOWEST_FRAME_SECONDS: Final = 5.0
PAUSE_AFTER_FAILED_LOAD_SECONDS: Final = 1.0
PRELOAD_SECONDS: Final = 60.0
PRELOADED_AT_ONCE: Final = 2
"""While one workspace is read here, the authority packs the next one."""
_FIRST_PAUSE_SECONDS: Final = 0.1


class StreamBroken(Exception):
    """The stream can't be read on from here: it was reset, or its frames arrive too late to be news."""


class _Copy:
    """A replica, and how far behind the stream's sender it is."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.age = StreamAge()
        self.head = inf
        self.sent_ms = 0
        self.preloaded = False
        self._head_told = False

    def connected(self) -> None:
        """A new connection: how far its sender is ahead of us is not known before it says so."""
        self.age.connected()
        self._head_told = False

    async def receive(self, frame: Delta | Beat) -> None:
        """Takes a frame in; requests have their turn between its slices. Raises GapInStream."""
        if isinstance(frame, Delta):
            for _ in self.replica.slices(frame):
                await asyncio.sleep(0)
            self.head = max(self.replica.seq, self.head)
        else:
            self.replica.pass_on(frame)
            self.head, self._head_told = frame.head, True

    def hear(self, sent_ms: int, monotonic: float) -> float:
        """At the head, we are as young as the frame that led there; answers how many seconds late it came."""
        if not self._head_told or self.replica.seq < self.head:
            return 0.0
        self.sent_ms = sent_ms
        return self.age.heard(sent_ms, monotonic)

    def staleness(self, workspace: Workspace | None, clock: Clock) -> float:
        """Seconds: the older of the stream and, where continuous sources feed the workspace, of what they told."""
        return max(self.ages(workspace, clock).values())

    def ages(self, workspace: Workspace | None, clock: Clock) -> dict[str, float]:
        """Seconds by lane, the stream's own age as `stream`; neither a slow clock nor a pause makes a lane younger."""
        age = self.age.seconds(clock.monotonic())
        if age == inf:
            return {"stream": age}
        now_ms = max(clock.now().timestamp() * 1000, self.sent_ms + age * 1000)
        return {"stream": age} | {lane: (now_ms - at) / 1000 for lane, at in self.replica.moments(workspace).items()}

    def all_ages(self, clock: Clock) -> dict[str, float]:
        """The same of every lane that was ever heard of."""
        age = self.age.seconds(clock.monotonic())
        if age == inf:
            return {"stream": age}
        now_ms = max(clock.now().timestamp() * 1000, self.sent_ms + age * 1000)
        return {"stream": age} | {lane: (now_ms - at) / 1000 for lane, at in self.replica.as_of.items()}


class Follower:
    """Owns the replica. `run` is one task of one owner; everything else reads, or waits for what `run` does."""

    def __init__(
        self,
        feed: AuthorityFeed,
        clock: Clock,
        longest_pause_seconds: float = 5.0,
        loading: Loading = ON_FIRST_USE,
    ) -> None:
        self._feed = feed
        self._preload = loading.preload
        self.loader = Loader(feed, loading.memory_limit)
        self.frames_applied = 0
        self.on_bootstrap: Callable[[], None] | None = None
        self._clock = clock
        self._longest_pause = longest_pause_seconds
        self._current: _Copy | None = None
        self._upcoming: _Copy | None = None
        self._failures = 0
        self._loads: dict[UUID, asyncio.Task[None]] = {}
        self._progress = asyncio.Event()
        self.heard = Heard()
        self._sleep = Sleep()
        self._log = structlog.get_logger()

    @property
    def replica(self) -> Replica | None:
        """The copy to decide from; None before the first snapshot and after history was rewritten."""
        return self._current.replica if self._current else None

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return self.missing is None

    @property
    def missing(self) -> str | None:
        """What stands in the way of being ready: the stream's head or its life, or workspaces still to be loaded."""
        current = self._current
        if current is None or current.replica.seq < current.head or self.age >= READY_AGE_SECONDS:
            return "not at the head of the change stream yet"
        if not self._preload or current.preloaded:
            return None
        if self.loader.left_out:
            return f"{self.loader.left_out} workspaces do not fit into the replica's memory limit"
        return f"{len(_not_loaded(current.replica))} workspaces are still to be loaded"

    @property
    def age(self) -> float:
        """Seconds since the newest frame was sent; infinite without one."""
        return self._current.age.seconds(self._clock.monotonic()) if self._current else inf

    def staleness(self, workspace: Workspace | None) -> float:
        """Seconds by which what is known of the workspace may be out of date (§3.1)."""
        return self._current.staleness(workspace, self._clock) if self._current else inf

    def ages(self, workspace: Workspace | None) -> dict[str, float]:
        """The same by lane, the stream's own age as `stream` (moorage.gateway.heard knows the lanes' own bounds)."""
        return self._current.ages(workspace, self._clock) if self._current else {"stream": inf}

    def all_ages(self) -> dict[str, float]:
        """The same of every lane that was ever heard of."""
        current = self._current
        return current.all_ages(self._clock) if current else {"stream": inf}

    @property
    def lag(self) -> float:
        """How many changes are still to be applied, as far as the stream has said."""
        current = self._current
        return max(current.head - current.replica.seq, 0) if current and current.head < inf else 0

    async def reached(self, token: ConsistencyToken, seconds: float) -> bool:
        """Waits until the replica is at `token` or past it; False if it is not within `seconds`."""
        return await self._until(lambda: self.replica is not None and self.replica.position >= token, seconds)

    async def whole(self, seconds: float) -> bool:
        """Waits for the end of a frame about everybody, if one is half applied; False if that takes too long."""
        return await self._until(lambda: self.replica is None or self.replica.whole, seconds)

    async def awake(self, seconds: float) -> None:
        """After a sleep of this process, waits for frames of now: those of meanwhile have been read by then.

        If none comes within `seconds` there is nothing to wait for: what is known has an age, as always.
        """
        time = self._clock.monotonic
        if self._sleep.slept(time()) and not await self._until(lambda: self.age < NAP_SECONDS, seconds):
            self._sleep.caught_up(time())

    async def load(self, workspace: Workspace, seconds: float) -> bool:
        """Loads the workspace unless that is under way; False if it can't be served within `seconds`."""
        if self._current is None:
            return False
        if workspace.id not in self._loads and not self._current.replica.holds(workspace):
            try:
                self.loader.require_room(self._current.replica, workspace.id)
            except MemoryFull:
                return False
            self._loads[workspace.id] = asyncio.create_task(self._load(self._current.replica, workspace.id))
        return await self._until(lambda: self.replica is not None and self.replica.serves(workspace), seconds)

    async def renew(self, workspace: UUID, seconds: float) -> None:
        """Drops what is held of a workspace, for it can't be right, and loads it anew."""
        replica = self.replica
        found = next((each for each in replica.directory() if each.id == workspace), None) if replica else None
        if replica and found:
            replica.drop(workspace)
            await self.load(found, seconds)

    async def run(self) -> None:
        """Follows until cancelled."""
        beside = [asyncio.create_task(self._tick())]
        if self._preload:
            beside.append(asyncio.create_task(self._load_everything()))
        try:
            while True:
                await self._follow()
                await asyncio.sleep(self._pause())
        finally:
            await self._end_loads(beside)

    async def _tick(self) -> None:
        while True:
            self._sleep.tick(self._clock.monotonic())
            await asyncio.sleep(TICK_SECONDS)

    async def _follow(self) -> None:
        try:
            await self._read_on(self._upcoming or self._current or await self._take_anew())
        except (PositionGone, GapInStream) as error:
            self._log.warning("The change stream has a gap; taking a new snapshot.", why=str(error))
            if isinstance(error, RowUnreadable):
                self._current = None
            with suppress(Problem, GapInStream):
                await self._take_anew()
        except (Problem, StreamBroken) as error:
            self._log.warning("The change stream broke off; reconnecting.", why=str(error))
        self._failures += 1

    async def _read_on(self, copy: _Copy) -> None:
        copy.connected()
        frames = self._feed.changes(copy.replica.position)
        try:
            async for frame in frames:
                await self._receive(copy, frame)
                self._failures = 0
                # Frames that have arrived together are applied one by one, and requests have their turn in between.
                await asyncio.sleep(0)
        finally:
            if isinstance(frames, AsyncGenerator):
                await frames.aclose()

    async def _receive(self, copy: _Copy, frame: Frame) -> None:
        match frame:
            case Reset():
                self._current = self._upcoming = None
                raise StreamBroken(frame.reason)
            case Delta() | Beat():
                await copy.receive(frame)
                self.frames_applied += isinstance(frame, Delta)
                self.heard.note(frame)
                self._hear(copy, frame)

    def _hear(self, copy: _Copy, frame: Delta | Beat) -> None:
        late = copy.hear(frame.t, self._clock.monotonic())
        if self.age < NAP_SECONDS:
            self._sleep.caught_up(self._clock.monotonic())
        if copy is self._upcoming and copy.replica.caught_up():
            self._current, self._upcoming = copy, None
        self._notify()
        settle = self.on_bootstrap
        if settle is not None and self.ready:
            self.on_bootstrap = None
            settle()
        if late > SLOWEST_FRAME_SECONDS:
            raise StreamBroken("frames arrive late")

    async def _take_anew(self) -> _Copy:
        """A new copy with the workspaces of the one in use, which goes on serving unless its epoch is over."""
        self._upcoming = None
        old = self._current
        # At a start any snapshot of late will do; where something went wrong, one that has it all.
        at_least = ORIGIN if old is None and not self._failures else None
        copy = _Copy(await asyncio.to_thread(Replica.load, await self._feed.snapshot(None, at_least)))
        if old is None or old.replica.epoch != copy.replica.epoch:
            self._current = copy
            self.heard.ours.set()
            return copy
        for workspace in old.replica.loaded:
            with suppress(WorkspaceNotLoaded, MemoryFull):
                await self.loader.fill(copy.replica, workspace)
        copy.preloaded = old.preloaded
        self._upcoming = copy
        return copy

    async def _load(self, replica: Replica, workspace: UUID) -> None:
        try:
            await self.loader.fill(replica, workspace)
            self._notify()
        except (Problem, GapInStream, WorkspaceNotLoaded, MemoryFull) as error:
            self._log.warning("A workspace could not be loaded.", workspace=str(workspace), why=str(error))
            await asyncio.sleep(min(PAUSE_AFTER_FAILED_LOAD_SECONDS, self._longest_pause))
        finally:
            del self._loads[workspace]

    async def _load_everything(self) -> None:
        """Loads each workspace that the directory has, again after history was rewritten."""
        while True:
            progress, copy = self._progress, self._current
            if copy is not None and not copy.preloaded:
                await self._load_each(_not_loaded(copy.replica))
                copy.preloaded = not _not_loaded(copy.replica)
            await progress.wait()

    async def _load_each(self, workspaces: Iterable[Workspace]) -> None:
        turns = iter(workspaces)

        async def one_by_one() -> None:
            for workspace in turns:
                await self.load(workspace, PRELOAD_SECONDS)

        async with asyncio.TaskGroup() as group:
            for _ in range(PRELOADED_AT_ONCE):
                group.create_task(one_by_one())

    async def _end_loads(self, others: list[asyncio.Task[None]]) -> None:
        loads = [*others, *self._loads.values()]
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)

    async def _until(self, reached: Callable[[], bool], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    def _notify(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()

    def _pause(self) -> float:
        """Full jitter: a herd of gateways does not come back at once."""
        longest = min(self._longest_pause, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        return random.uniform(0, longest)  # noqa: S311 - spreads reconnects, protects nothing


def _not_loaded(replica: Replica) -> list[Workspace]:
    return [each for each in replica.directory() if each.state is not NodeState.DELETED and not replica.serves(each)]
