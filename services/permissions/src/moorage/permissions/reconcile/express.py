"""The express lane: removals at once, re-activations once the main lanes have passed their time (§2.1).

Whoever was removed from all groups and then re-activated must not have the old groups back because the removals still
wait in another partition.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from moorage.events.decoding import Fact, decode_fact
from moorage.events.identity_facts import CredentialSet, UserSet
from moorage.permissions.batches import Told
from moorage.permissions.ports import Change
from moorage.permissions.reconcile_stores import Parked
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.slots import Aliases, Slot, slot_of


async def pass_on(change: Change, told: Sequence[Told], aliases: Aliases, source: Source, now: datetime) -> list[Fact]:
    """The facts about users and credentials that may be applied now; the others wait in the ledger."""
    if source.spec.kind is SourceKind.MANUAL or not told:
        return [each.fact for each in told]
    by_slot: dict[Slot, list[Told]] = defaultdict(list)
    for each in told:
        by_slot[slot_of(each.fact.data, aliases)].append(each)
    revived = await _revived(change, by_slot)
    main = await change.sources.main_as_of() if revived else None
    waiting: list[Parked] = []
    for slot, each in revived:
        until = min(each.fact.event.time or now, now)
        if main is not None and main <= until:
            waiting.append(Parked(slot, each.fact.data.version or 0, source.id, until, each.record.body))
    await change.parked.free({slot: max(map(_version, mine)) for slot, mine in by_slot.items()})
    if waiting:
        await change.parked.park(waiting)
    aside = {(each.slot, each.version, each.body) for each in waiting}
    return [
        each.fact
        for slot, mine in by_slot.items()
        for each in mine
        if not aside or (slot, _version(each), each.record.body) not in aside
    ]


async def _revived(change: Change, by_slot: Mapping[Slot, Sequence[Told]]) -> list[tuple[Slot, Told]]:
    """Those that say that something is active which by the newest word before, stored or told here, was not."""
    stored = await change.facts.held(by_slot.keys())
    found = list[tuple[Slot, Told]]()
    for slot, mine in by_slot.items():
        held = stored.get(slot)
        ended = [held.version] if held is not None and held.rank == 0 else []
        if len(mine) > 1:
            ended += [_version(each) for each in mine if not _activates(each.fact)]
        if ended:
            found += [(slot, each) for each in mine if _activates(each.fact) and _version(each) > min(ended)]
    return found


async def due(change: Change) -> dict[int, list[Fact]]:
    """The facts whose time the main lanes have passed, by source; they wait no longer."""
    parked = await change.parked.all()
    main = await change.sources.main_as_of() if parked else None
    found: dict[int, list[Fact]] = defaultdict(list)
    free = [each for each in parked if main is None or each.until < main]
    for each in free:
        found[each.source].append(decode_fact(each.body))
    if free:
        await change.parked.free({each.slot: each.version for each in free})
    return found


def _version(told: Told) -> int:
    return told.fact.data.version or 0


def _activates(fact: Fact) -> bool:
    return isinstance(fact.data, UserSet | CredentialSet) and fact.data.rank > 0
