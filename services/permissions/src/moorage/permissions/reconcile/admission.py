"""Which facts of a batch count: those of the authority for their kind, newer than its last snapshot (H7, §2.5)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from moorage.events.decoding import Fact
from moorage.permissions.batches import Refused, Told
from moorage.permissions.ports import Change
from moorage.permissions.reconcile import express, staging
from moorage.permissions.reconcile.tables import TABLES
from moorage.permissions.reconcile_stores import Holding
from moorage.permissions.records import Source
from moorage.permissions.slots import Aliases, workspace


@dataclass(slots=True)
class Admitted:
    """The facts that count, how many came too late to or wait, and those that are not the source's to tell.

    `joined` are the workspaces that others have told of before this source.
    """

    facts: list[Fact] = field(default_factory=list)
    late: int = 0
    waiting: int = 0
    joined: set[UUID] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)


async def admit(change: Change, told: Sequence[Told], aliases: Aliases, source: Source, now: datetime) -> Admitted:
    """Sorts a source's facts; re-activations that have to wait are put aside, and what a new source tells is staged."""
    homes = {each.fact.data.workspace for each in told}
    of = await change.authorities.of({aliases[workspace(each)] for each in homes if each})
    feeders: dict[int, set[int]] = defaultdict(set)
    for (ws, _), holding in of.items():
        feeders[ws].add(holding.source)
    admitted, foreign, identity = Admitted(), list[Told](), list[Told]()
    last, ws, facts = None, 0, admitted.facts
    for each in told:
        fact = each.fact
        home = fact.data.workspace
        if home is None:
            identity.append(each)
            continue
        if home is not last:
            last, ws = home, aliases[workspace(home)]
        known = of.get((ws, TABLES[type(fact.data)]))
        if known is not None and known.source != source.id:
            foreign.append(each)
        elif known is not None and _settled(known, fact):
            admitted.late += 1
        else:
            facts.append(fact)
            if feeders[ws] and source.id not in feeders[ws]:
                admitted.joined.add(home)
    passed = await express.pass_on(change, identity, aliases, source, now)
    admitted.facts += passed
    admitted.waiting = len(identity) - len(passed)
    if foreign:
        admitted.refused += await staging.stage_live(change, foreign, aliases, source)
    return admitted


def _settled(holding: Holding, fact: Fact) -> bool:
    """Whether a snapshot has spoken for the time of this fact: what it does not have is gone, what it has is there."""
    version = fact.data.version
    return version is not None and version <= holding.floor
