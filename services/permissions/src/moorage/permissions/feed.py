"""Where replicas come from: snapshots, and the stream of changes with its beats (authorization.md §2.4)."""

import time
from collections.abc import AsyncGenerator
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Beat, Frame, Reset, Snapshot
from moorage.access.problems import PositionGone
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.runtime.clock import Clock

FRAME_ROWS: Final = 1000
BEAT_SECONDS: Final = 1.0


class Feed:
    """Serves any number of replicas."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def snapshot(self, workspace: UUID | None) -> Snapshot:
        """The rows of one workspace, or of the global part; empty for an unknown workspace."""
        async with self._ledger.viewing() as view:
            position = view.token
            found = await view.hierarchy.workspace_by_id(workspace) if workspace else None
            if workspace and found is None:
                return Snapshot(epoch=position.epoch, seq=position.seq, rows=[])
            rows = await view.snapshots.rows(found)
            as_of = await view.sources.as_of(found)
            return Snapshot(epoch=position.epoch, seq=position.seq, rows=rows, as_of=dict(as_of))

    async def changes(self, after: ConsistencyToken) -> AsyncGenerator[Frame, None]:
        """Every delta after the position, without a hole, and a beat at first and each second. Raises PositionGone.

        Only frames that lead to the head carry what the lanes say: facts come before the claim that they have come.
        """
        beat_at = time.monotonic()
        if (await self._ledger.head()).epoch != after.epoch:
            raise PositionGone("this position is of another epoch; take a snapshot")
        while True:
            # A frame is as old as the look at the ledger that it comes from, however slowly it is read.
            t = int(self._clock.now().timestamp() * 1000)
            async with self._ledger.viewing() as view:
                head, as_of = view.token, dict(await view.sources.lanes())
                if head.epoch != after.epoch:
                    break
                try:
                    deltas = await view.log.deltas(after, FRAME_ROWS)
                except PositionUnknown:
                    raise PositionGone("this position is no longer kept; take a snapshot") from None
            # Who is behind is told so before the frames that don't bring it to the head yet.
            if time.monotonic() >= beat_at or (deltas and deltas[0].last < head.seq):
                yield Beat(epoch=head.epoch, head=head.seq, t=t, as_of=as_of if after == head else {})
                beat_at = time.monotonic() + BEAT_SECONDS
            for delta in deltas:
                after = ConsistencyToken(after.epoch, delta.last)
                yield delta.model_copy(update={"as_of": as_of if after == head else {}, "t": t})
            if after == head:
                await self._ledger.changed(head, max(beat_at - time.monotonic(), 0))
        yield Reset(epoch=head.epoch, reason="history was rewritten")
