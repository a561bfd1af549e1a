"""Edges that were read the shortest way: placed, judged and stored by columns, by the same rule (§2.3, §3.10)."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from moorage.access.frames import EntityKind
from moorage.events.checksums import digest
from moorage.permissions import rows
from moorage.permissions.batches import EdgeGroup
from moorage.permissions.edge_columns import Edges, Ends
from moorage.permissions.ports import Change
from moorage.permissions.reconcile_stores import Counted, Holding
from moorage.permissions.slots import Table
from moorage.permissions.versions import Held, Ruling, judge

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ruled:
    """Edges that replace what was stored, what that was, and how many of which ruling there were."""

    kept: Edges
    before: Mapping[Ends, Held]
    changed: Edges
    disputed: Edges
    count: Mapping[Ruling, int]


async def place(change: Change, groups: Collection[EdgeGroup]) -> list[Edges] | None:
    """The edges with their places; None if the order of facts matters, or if others have a say in it.

    That is so if a place comes twice, if the source is new to the workspace, or if a snapshot has spoken for the time
    of a fact.
    """
    placed = [await _placed(change, each) for each in groups]
    holdings = await change.authorities.of({each.ws for each in placed})
    feeders: dict[int, set[int]] = defaultdict(set)
    for (ws, _), holding in holdings.items():
        feeders[ws].add(holding.source)
    plain = all(
        _is_for(each, holdings.get((each.ws, each.table)))
        and (not feeders[each.ws] or each.source in feeders[each.ws])
        and len(set(each.ends)) == len(each.ends)
        for each in placed
    )
    return placed if plain else None


def _is_for(edges: Edges, holding: Holding | None) -> bool:
    if holding is None:
        return True
    return holding.source == edges.source and holding.floor < min(each.version for each in edges.told)


async def _placed(change: Change, group: EdgeGroup) -> Edges:
    first, home = group.told[0], group.workspace
    [ws] = await change.facts.named(None, EntityKind.WORKSPACE.value, [str(home)])
    a = await _aliases(change, home, first.a_kind, [each.a for each in group.told])
    b = await _aliases(change, home, first.b_kind, [each.b for each in group.told]) if first.b_kind else [0] * len(a)
    return Edges(group.table, ws, group.source.id, group.told, list(zip(a, b, strict=True)))


async def _aliases(change: Change, home: UUID, kind: str, ids: Sequence[str]) -> list[int]:
    return await change.facts.named(None if kind == EntityKind.USER.value else home, kind, ids)


async def store(change: Change, placed: Sequence[Edges], at: datetime) -> list[Ruled]:
    """Stores what the rule lets in, tells readers of what is new in it, and counts it."""
    stored = [await _store(change, each, at) for each in placed]
    counted: dict[int, dict[tuple[int, Table], Counted]] = defaultdict(dict)
    for each in stored:
        if each.kept.told:
            mine, kind = counted[each.kept.source], (each.kept.ws, each.kept.table)
            mine[kind] = _counted(each).plus(mine.get(kind))
    for source, counts in counted.items():
        await change.authorities.add(source, counts)
    return stored


async def _store(change: Change, edges: Edges, at: datetime) -> Ruled:
    ruled = _ruled(edges, await change.facts.held_edges(edges))
    putting = asyncio.create_task(change.facts.put_edges(ruled.kept, ruled.before, at))
    try:
        await asyncio.sleep(0)  # PostgreSQL works on it while the rows are made
        if ruled.changed.told:
            change.log.extend(rows.edge_rows(ruled.changed), ruled.changed.told[-1].event)
    finally:
        await putting
    if ruled.disputed.told:
        _log.warning("Two values claim one version; the lower privilege is kept.", keys=len(ruled.disputed.told))
        await change.facts.dispute(ruled.disputed.slots())
    return ruled


def _ruled(edges: Edges, held: Mapping[Ends, Held]) -> Ruled:
    if not held:
        return Ruled(edges, held, edges, edges.only([]), {Ruling.CHANGE: len(edges.told)})
    rulings = [
        judge(held.get(ends), Held(told.version, told.rank, told.rank))
        for told, ends in zip(edges.told, edges.ends, strict=True)
    ]
    return Ruled(
        edges.only([each.replaces for each in rulings]),
        held,
        edges.only([each.changes for each in rulings]),
        edges.only([each.disputes for each in rulings]),
        Counter(rulings),
    )


def _counted(ruled: Ruled) -> Counted:
    """How count and checksum of the workspace's facts move with the facts (§2.6)."""
    kept, facts, checksum = ruled.kept, 0, 0
    for told, ends in zip(kept.told, kept.ends, strict=True):
        if told.rank:
            facts += 1
            checksum += told.digest
        if ruled.before and (held := ruled.before.get(ends)) and held.rank:
            facts -= 1
            checksum -= digest(told.key, held.version, held.fingerprint)
    return Counted(facts, checksum, max(each.version for each in kept.told))
