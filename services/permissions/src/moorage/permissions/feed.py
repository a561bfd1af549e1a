"""Where replicas come from: snapshots, and the stream of changes with its beats (authorization.md §2.4)."""

import time
from collections.abc import AsyncGenerator
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame, Reset
from moorage.access.packed import Packed, unpack
from moorage.access.problems import PositionGone
from moorage.permissions.continuity import Continuity
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.snapshot_files import SnapshotFiles
from moorage.permissions.tail import BEAT_SECONDS, Look, Tail
from moorage.runtime.clock import Clock


class Feed:
    """Serves any number of replicas."""

    def __init__(self, ledger: Ledger, clock: Clock, continuity: Continuity | None = None) -> None:
        self._ledger = ledger
        self._continuity = continuity or Continuity()
        self.tail = Tail(ledger, clock)
        self.files = SnapshotFiles(ledger, clock)

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """One workspace, or the global part, at that position or later (by default at head); see SnapshotFiles."""
        return unpack(await self.files.file(workspace, at_least))

    async def changes(self, after: ConsistencyToken) -> AsyncGenerator[Frame, None]:
        """Every delta after the position, without a hole, and a beat at first and each second.

        Raises PositionGone; HistoryLost for a reader that has seen what the ledger has not.
        """
        seen = await self.tail.now()
        if after > seen.head:
            self._continuity.witness(after)
            self._continuity.require(seen.head, after)
        if seen.head.epoch != after.epoch:
            raise PositionGone("this position is of another epoch; take a snapshot")
        beat_at = time.monotonic()
        while seen.head.epoch == after.epoch:
            seen = await self._following(after, seen)
            if seen.head.epoch != after.epoch:
                break
            # Who is behind is told so before the frames that don't bring it to the head yet.
            far = bool(seen.deltas) and seen.deltas[0].last < seen.head.seq
            if far or not seen.deltas or time.monotonic() >= beat_at:
                yield seen.beat(after)
                beat_at = time.monotonic() + BEAT_SECONDS
            for delta in seen.deltas:
                after = ConsistencyToken(after.epoch, delta.last)
                yield delta
            if after == seen.head:
                seen = await self.tail.newer(seen)
        yield Reset(epoch=seen.head.epoch, reason=seen.reason)

    async def _following(self, after: ConsistencyToken, seen: Look) -> Look:
        try:
            return await self.tail.following(after, seen)
        except PositionUnknown:
            raise PositionGone("this position is no longer kept; take a snapshot") from None
