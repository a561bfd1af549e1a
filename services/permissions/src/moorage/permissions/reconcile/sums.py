"""Keeps count and checksum of each workspace's facts with the facts, at the cost of two digests per fact (§2.6)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from moorage.events.checksums import digest
from moorage.permissions.folding import Placed
from moorage.permissions.ports import Change
from moorage.permissions.reconcile.tables import is_there
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Slot, Table
from moorage.permissions.versions import Held


async def note(change: Change, kept: Sequence[Placed], stored: Mapping[Slot, Held], source: int) -> None:
    """`kept` have replaced what was `stored` in their slots before."""
    facts: dict[tuple[int, Table], int] = defaultdict(int)
    checksums: dict[tuple[int, Table], int] = defaultdict(int)
    high: dict[tuple[int, Table], int] = defaultdict(int)
    for each in kept:
        if each.fact.data.workspace is None:
            continue
        place = (each.slot.ws or each.slot.a, each.slot.table)
        for held, sign in ((stored.get(each.slot), -1), (each.held, 1)):
            if held is not None and is_there(each.slot.table, held.rank):
                facts[place] += sign
                checksums[place] += sign * digest(each.fact.key, held.version, held.fingerprint)
        high[place] = max(high[place], each.held.version)
    if high:
        counted = {place: Counted(facts[place], checksums[place], high[place]) for place in high}
        await change.authorities.add(source, counted)


async def superseded(change: Change, slot: Slot, key: str, held: Held, source: int) -> None:
    """A fact that was there is so no longer, without a version of its own: its repository has gone elsewhere."""
    gone = Counted(-1, -digest(key, held.version, held.fingerprint), held.version)
    await change.authorities.add(source, {(slot.ws, slot.table): gone})
