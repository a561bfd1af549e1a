"""Checksums that sources state, compared with what is held at the same position (§2.6)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from moorage.events.checksums import written
from moorage.events.signals import ChecksumStated
from moorage.permissions.batches import Told
from moorage.permissions.ports import Change
from moorage.permissions.reconcile.pins import CHECKSUM, pinning
from moorage.permissions.reconcile.tables import told_by
from moorage.permissions.reconcile_stores import Holding
from moorage.permissions.slots import workspace
from moorage.permissions.source_requests import want_snapshot

BELIEVED_AFTER: Final = 2
"""So many differences in a row are no accident."""
_log: Final = structlog.stdlib.get_logger(__name__)


async def compare(change: Change, told: Sequence[Told], now: datetime) -> None:
    """Compares each; what differs twice in a row holds the workspace, and a snapshot is asked for."""
    for each in told:
        data = each.fact.data
        if not isinstance(data, ChecksumStated):
            raise TypeError(data)
        ws = (await change.facts.intern([workspace(data.workspace)]))[workspace(data.workspace)]
        tables = told_by(each.source.spec)
        of = await change.authorities.of([ws])
        mine = [of[ws, table] for table in tables if (ws, table) in of and of[ws, table].source == each.source.id]
        if not _comparable(mine, data):
            continue
        since = min(each.fact.event.time or now, now)
        await _note(change, each, ws, _equal(mine, data), since, now)


def _comparable(mine: Sequence[Holding], data: ChecksumStated) -> bool:
    """Whether everything was counted, and nothing newer than the stated position has been applied."""
    if not all(each.counted for each in mine):
        return False
    return data.as_of_version is None or all(each.high <= data.as_of_version for each in mine)


def _equal(mine: Sequence[Holding], data: ChecksumStated) -> bool:
    held = written(sum(each.checksum for each in mine))
    stated = data.checksum.lower().lstrip("0").rjust(1, "0")
    return sum(each.facts for each in mine) == data.facts and held == stated


async def _note(change: Change, told: Told, ws: int, equal: bool, at: datetime, now: datetime) -> None:
    differed, since = await change.authorities.compared(ws, told.source.id, equal, at)
    if equal or differed < BELIEVED_AFTER:
        if equal:
            async with pinning(change, [ws]):
                await change.intake.release({(ws, CHECKSUM)})
        return
    _log.error(
        "A workspace's facts differ from its source's; its freshness is held and a snapshot is asked for.",
        workspace=str(told.fact.workspace),
        source=told.source.spec.name,
        times=differed,
    )
    async with pinning(change, [ws]):
        await change.intake.pin(ws, CHECKSUM, since)
    await change.authorities.doubted([ws])
    await want_snapshot(change, ws, now)
