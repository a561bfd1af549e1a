"""One look at the end of the log for all readers of a process, and the frames that the last looks have found (R82).

Whoever waits for news looks for everybody: one reader at a time asks the ledger, the others take what it has seen. So a
thousand readers cost the database what one costs, and there is no task of its own to be lost.
"""

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Beat, Delta
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.runtime.clock import Clock

FRAME_ROWS: Final = 1000
BEAT_SECONDS: Final = 1.0
MOST_FRAMES: Final = 10_000
MOST_ROWS: Final = 50_000
MOST_BEHIND: Final = 4
ABANDONED_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found: the head, what lanes said by then, and the deltas that follow `first`."""

    head: ConsistencyToken
    t: int
    as_of: Mapping[str, int]
    bounds: Mapping[str, Mapping[str, float]]
    bumped: int | None
    reason: str
    first: ConsistencyToken
    deltas: Sequence[Delta] = ()
    taken: float = field(default_factory=time.monotonic)

    def beat(self, at: ConsistencyToken) -> Beat:
        """The beat for a reader at this position: only at the head do lanes claim anything."""
        here = at == self.head
        return Beat(
            epoch=self.head.epoch,
            head=self.head.seq,
            t=self.t,
            as_of=dict(self.as_of) if here else {},
            bumped=self.bumped,
            bounds={lane: dict(own) for lane, own in self.bounds.items()},
        )


async def look(ledger: Ledger, clock: Clock, after: ConsistencyToken | None) -> Look:
    """A look with whole frames of about FRAME_ROWS rows after a position; without one, at the head only.

    Frames that lead to the head carry what the lanes say: facts come before the claim that they have come. A frame is
    as old as the look at the ledger that it comes from, however slowly it is read. Raises PositionUnknown.
    """
    t = int(clock.now().timestamp() * 1000)
    async with ledger.viewing() as view:
        head, as_of = view.token, await view.sources.lanes()
        bounds, epoch = await view.freshness.bounds(as_of), await view.epochs.current()
        same = after is not None and after.epoch == head.epoch
        found = await view.log.deltas(after, FRAME_ROWS) if after and same else ()
    deltas = [each.model_copy(update={"t": t, "as_of": dict(as_of) if each.last == head.seq else {}}) for each in found]
    bumped = int(epoch.at.timestamp() * 1000) if epoch else None
    reason = epoch.reason if epoch else "history was rewritten"
    return Look(head, t, as_of, bounds, bumped, reason, after or head, deltas)


class Tail:
    """Shared by the readers of one process. Its memory is bounded: who is too far behind looks for itself."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = asyncio.Lock()
        self._behind = asyncio.Semaphore(MOST_BEHIND)
        self._latest: Look | None = None
        self._end: ConsistencyToken | None = None
        self._frames: deque[Delta] = deque()
        self._rows = 0
        self.looks = 0

    async def now(self) -> Look:
        """A look at the head of this moment, for a reader that comes."""
        return await self._look(None)

    async def newer(self, seen: Look) -> Look:
        """A look that is newer than `seen`: at once if there is one, else with the next change or beat."""
        if (found := self._newer(seen)) is not None:
            return found
        async with self._turn:
            if (found := self._newer(seen)) is not None:
                return found
            found = await self._next(seen)
            self._keep(found)
            return found

    async def following(self, position: ConsistencyToken, found: Look) -> Look:
        """The look, with the deltas that a reader at `position` needs next. Raises PositionUnknown."""
        if position.epoch != found.head.epoch or position == found.head:
            return replace(found, deltas=())
        if (kept := self._kept(position, found.head)) is not None:
            return replace(found, deltas=kept)
        if position == self._end and (further := await self._further(position)) is not None:
            return further
        async with self._behind:
            return await self._look(position)

    async def _further(self, position: ConsistencyToken) -> Look | None:
        """What follows the tail's end, looked for once by all who have come to it; None if it has moved away.

        While changes come faster than they are read nobody is at the head, and the tail grows by this alone.
        """
        async with self._turn:
            latest = self._latest
            if latest is not None and (kept := self._kept(position, latest.head)) is not None:
                return replace(latest, deltas=kept)
            if position != self._end:
                return None
            found = await self._look(position)
            self._keep(found)
            return found

    def _newer(self, seen: Look) -> Look | None:
        return self._latest if self._latest is not None and self._latest.taken > seen.taken else None

    async def _next(self, seen: Look) -> Look:
        """Waits for a change or until a beat is due, unless there is more to read already."""
        latest = self._latest
        if latest is None or time.monotonic() - latest.taken > ABANDONED_SECONDS:
            self._end = None
            latest = seen
        if self._end is None or self._end == latest.head:
            await self._ledger.changed(latest.head, max(latest.taken + BEAT_SECONDS - time.monotonic(), 0))
        try:
            return await self._look(self._end or latest.head)
        except PositionUnknown:
            self._end = None
            return await self._look(None)

    async def _look(self, after: ConsistencyToken | None) -> Look:
        self.looks += 1
        return await look(self._ledger, self._clock, after)

    def _keep(self, found: Look) -> None:
        if self._end is None or found.first != self._end or found.head.epoch != self._end.epoch:
            self._frames.clear()
            self._rows = 0
        for delta in found.deltas:
            self._frames.append(delta)
            self._rows += len(delta.rows)
        while len(self._frames) > MOST_FRAMES or (self._rows > MOST_ROWS and len(self._frames) > 1):
            self._rows -= len(self._frames.popleft().rows)
        last = found.deltas[-1].last if found.deltas else found.head.seq
        self._end, self._latest = ConsistencyToken(found.head.epoch, last), found

    def _kept(self, position: ConsistencyToken, head: ConsistencyToken) -> Sequence[Delta] | None:
        """What the tail has after a position, up to the head of a look; None if it does not go back, or on, so far.

        A reader that has looked for itself stands inside a delta, at the end of another frame: it gets the rest of that
        one, and shares all that follow.
        """
        at = bisect_right(self._frames, position.seq, key=lambda each: each.first) - 1
        if at < 0 or self._frames[at].last <= position.seq or self._frames[at].epoch != head.epoch:
            return None
        kept = [each for each in islice(self._frames, at, None) if each.last <= head.seq]
        return [_rest(kept[0], position.seq), *kept[1:]] if kept else None


def _rest(delta: Delta, seq: int) -> Delta:
    """What follows the position in the delta."""
    if delta.first == seq:
        return delta
    return delta.model_copy(update={"first": seq, "rows": delta.rows[seq - delta.first :]})
