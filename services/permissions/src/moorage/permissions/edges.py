"""Edges that were read the shortest way: placed, judged and stored by columns, by the same rule (§2.3, §3.10)."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from moorage.access.frames import EntityKind
from moorage.permissions import rows
from moorage.permissions.batches import EdgeGroup
from moorage.permissions.edge_columns import Edges
from moorage.permissions.edge_rulings import FoldedEdges, Ruled, counted, fold_edges, rule
from moorage.permissions.ports import Change
from moorage.permissions.reconcile_stores import Counted, Holding
from moorage.permissions.slots import Table

_log: Final = structlog.stdlib.get_logger(__name__)


async def place(change: Change, groups: Collection[EdgeGroup]) -> list[FoldedEdges] | None:
    """The edges with their places, one of each; None if others have a say in it.

    That is so if the source is new to the workspace, or if a snapshot has spoken for the time of a fact.
    """
    placed = _together([await _placed(change, each) for each in groups])
    holdings = await change.authorities.of({each.ws for each in placed})
    feeders: dict[int, set[int]] = defaultdict(set)
    for (ws, _), holding in holdings.items():
        feeders[ws].add(holding.source)
    plain = all(
        _is_for(each, holdings.get((each.ws, each.table))) and (not feeders[each.ws] or each.source in feeders[each.ws])
        for each in placed
    )
    return list(map(fold_edges, placed)) if plain else None


def _together(placed: Collection[Edges]) -> Sequence[Edges]:
    """What only differs in who wrote the events is one: the same place may be told of by both."""
    alike: dict[tuple[Table, int, int, str, str], list[Edges]] = defaultdict(list)
    for each in placed:
        first = each.told[0]
        alike[each.table, each.ws, each.source, first.a_kind, first.b_kind].append(each)
    return [mine[0] if len(mine) == 1 else _joined(mine) for mine in alike.values()]


def _joined(alike: Sequence[Edges]) -> Edges:
    return alike[0].of([told for each in alike for told in each.told], [ends for each in alike for ends in each.ends])


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


async def store(change: Change, placed: Sequence[FoldedEdges], at: datetime) -> list[Ruled]:
    """Stores what the rule lets in, tells readers of what is new in it, and counts it."""
    sums: dict[int, dict[tuple[int, Table], Counted]] = defaultdict(dict)
    stored = [await _store(change, each, at, sums) for each in placed]
    for source, counts in sums.items():
        await change.authorities.add(source, counts)
    return stored


async def _store(
    change: Change, folded: FoldedEdges, at: datetime, sums: Mapping[int, dict[tuple[int, Table], Counted]]
) -> Ruled:
    ruled = rule(folded, await change.facts.held_edges(folded.edges))
    putting = asyncio.create_task(change.facts.put_edges(ruled.kept, ruled.before, at))
    try:
        await asyncio.sleep(0)  # PostgreSQL works on it while it is told and counted
        if ruled.changed.told:
            change.log.extend(rows.edge_rows(ruled.changed), ruled.changed.told[-1].event)
        if ruled.kept.told:
            mine, kind = sums[ruled.kept.source], (ruled.kept.ws, ruled.kept.table)
            mine[kind] = counted(ruled).plus(mine.get(kind))
    finally:
        await putting
    if ruled.disputed.told:
        _log.warning("Two values claim one version; the lower privilege is kept.", keys=len(ruled.disputed.told))
        await change.facts.dispute(ruled.disputed.slots())
    return ruled
