"""The one change in which a rebuild in bulk comes true: edges, everything else, and the positions after all of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from moorage.permissions.apply import Apply, Stretch
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.rebuilding.reading import Unsuited
from moorage.permissions.rebuilding.staging import EDGES, BulkEdges, Counts, Staging
from moorage.permissions.records import Source, Transport
from moorage.permissions.stores import Advance


@dataclass(frozen=True, slots=True)
class Found:
    """What has been read of a topic: staged edges as they are counted, and the others in their order."""

    run: UUID
    source: Source
    topic: str
    extent: Mapping[int, tuple[int, int]]
    counted: Counts
    newest: Mapping[int, str]
    stretches: Sequence[Stretch]


async def reduced(staging: Staging, run: UUID, told: Counts) -> Counts:
    """Leaves one edge of each key, in all tables at once; what there is then of all that was told.

    Raises StagingLost, LedgerUnavailable.
    """
    lost = await asyncio.gather(*(staging.reduce(run, table) for table in EDGES))
    less = {(ws, table): each for table, counted in zip(EDGES, lost, strict=True) for ws, each in counted.items()}
    return {place: each.less(less.get(place)) for place, each in told.items()}


async def merge(ledger: Ledger, apply: Apply, edges: Callable[[Change], BulkEdges], found: Found) -> None:
    """Stores all of it, or nothing. Raises Unsuited, StagingLost, LedgerUnavailable."""
    async with ledger.changing() as change:
        sources = [each for each in await change.sources.all() if each.spec.transport is Transport.KAFKA]
        if [each.id for each in sources] != [found.source.id] or sources[0].spec != found.source.spec:
            raise Unsuited("its sources were declared anew meanwhile")
        bulk = edges(change)
        if not await bulk.untold(found.topic):
            raise Unsuited("the ledger is not empty any more")
        await bulk.take(found.run, found.newest)
        if found.counted:
            await change.authorities.add(found.source.id, found.counted)
        await apply.within(change, found.stretches)
        ends = {part: end for part, (_, end) in found.extent.items() if end}
        await change.intake.advance([Advance(found.topic, part, 0, end) for part, end in ends.items()])
