"""Epochs: history may have been rewritten, and nothing that was known may be taken for granted (§3.1, R72).

After a bump, replicas start anew. What a continuous source tells over Kafka is read again from the stored position, so
its lanes say themselves when they have passed the bump. What was told by hand or over HTTP is not told again: those
workspaces are pinned until a completed snapshot, or until the operator confirms that their facts are current.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from moorage.access.sync_wire import BumpEpochRequest, EpochAnswer
from moorage.permissions import rows
from moorage.permissions.continuity import Continuity
from moorage.permissions.doubts import doubt
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.records import Transport
from moorage.runtime.clock import Clock

_log: Final = structlog.stdlib.get_logger(__name__)


class Epochs:
    """Begins epochs, and ends the doubt that they begin with. The ledger is one that answers also when in doubt."""

    def __init__(self, ledger: Ledger, continuity: Continuity, clock: Clock) -> None:
        self._ledger = ledger
        self._continuity = continuity
        self._clock = clock

    async def bump(self, request: BumpEpochRequest) -> EpochAnswer:
        """The new epoch."""
        async with self._ledger.changing() as change:
            epoch = await change.epochs.begin(request.reason, self._clock.now(), self._continuity.seen.epoch)
            doubtful = [] if request.facts_are_current else await _told_once(change)
            await doubt(change, doubtful, _key(epoch.id), epoch.reason, epoch.at)
            if request.facts_are_current:
                await self._release(change)
            seq = change.log.token.seq
        _log.warning(
            "A new epoch has begun; every gateway takes a new snapshot.",
            epoch=epoch.id,
            reason=request.reason,
            pinned=len(doubtful),
        )
        return EpochAnswer(epoch=epoch.id, token=f"zt1.{epoch.id}.{seq}", unconfirmed=len(doubtful))

    async def confirm(self) -> EpochAnswer:
        """What was told by hand and over HTTP is current: lifts the pins that the bump has put."""
        async with self._ledger.changing() as change:
            await self._release(change)
            token = change.log.token
        return EpochAnswer(epoch=token.epoch, token=str(token), unconfirmed=0)

    async def _release(self, change: Change) -> None:
        doubtful = {(ws, _key(epoch)) for ws in await _told_once(change) for epoch in await change.epochs.all()}
        for workspace in await change.intake.release(doubtful) if doubtful else ():
            change.log.append(rows.pin_row(workspace, None))


async def _told_once(change: Change) -> Sequence[int]:
    """The workspaces whose sources don't tell again by themselves."""
    once = [each.id for each in await change.sources.all() if each.spec.transport is not Transport.KAFKA]
    return await change.epochs.workspaces(once)


def _key(epoch: int) -> str:
    return f"epoch:{epoch}"
