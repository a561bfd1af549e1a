"""What has to stay in its order: the records that are no plain edges, as stretches of their partitions."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from moorage.events.plain_edges import EdgeReader
from moorage.permissions.apply import Stretch
from moorage.permissions.batches import Record, Sorted, sort_batch
from moorage.permissions.rebuilding.messages import Odd
from moorage.permissions.rebuilding.reading import Place
from moorage.permissions.records import Source
from moorage.permissions.stores import Advance

_STRETCH: Final = 1000
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Ordered:
    """The stretches of all partitions, and the places whose order counts beyond them.

    Those are the keys of refused records, because only what comes behind such a record settles it, and the workspaces
    of which a snapshot speaks, because it decides what is still there.
    """

    stretches: Sequence[Stretch]
    apart: frozenset[Place]


async def ordered(topic: str, odd: Mapping[int, Iterable[Odd]], sources: Sequence[Source]) -> Ordered:
    """Reads the records; others have their turn meanwhile."""
    stretches, apart, reader = list[Stretch](), set[Place](), EdgeReader()
    for part, mine in sorted(odd.items()):
        records = [Record(each.pos, each.body, each.milliseconds) for each in sorted(mine, key=lambda each: each.pos)]
        for at in range(0, len(records), _STRETCH):
            chosen = records[at : at + _STRETCH]
            batch = await _sorted(chosen, sources, part, reader)
            apart |= _apart(batch)
            stretches.append(Stretch(batch, sources, Advance(topic, part, chosen[0].pos, chosen[-1].pos + 1)))
    return Ordered(stretches, frozenset(apart))


async def _sorted(records: Sequence[Record], sources: Sequence[Source], part: int, reader: EdgeReader) -> Sorted:
    batch = Sorted()
    for at in range(0, len(records), _AT_ONCE):
        sort_batch(records[at : at + _AT_ONCE], sources, part, batch, reader)
        await asyncio.sleep(0)
    return batch


def _apart(batch: Sorted) -> set[Place]:
    keys = {(str(each.workspace), each.key) for each in batch.refused if each.workspace and each.key}
    return keys | {(str(each.fact.workspace), "") for each in batch.snapshots}
